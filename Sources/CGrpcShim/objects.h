// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>
#include <stdint.h>

/// Allocates zeroed memory or ends the process.
void *allocate(size_t count, size_t size);

typedef enum {
  LIVE_QUEUE,
  LIVE_CHANNEL,
  LIVE_SERVER,
  LIVE_CALL,
  LIVE_BATCH,
  LIVE_SLOT,
  LIVE_BYTES,
  LIVE_KINDS,
} live_kind;

/// Counts objects that came into being, or with a negative difference ceased to be. From any thread.
void live_add(live_kind kind, int64_t difference);
