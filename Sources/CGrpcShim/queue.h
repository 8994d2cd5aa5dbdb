// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <grpc/grpc.h>
#include <stdatomic.h>

#include "completion.h"
#include "illmrec_grpc.h"

/// Every tag on `completions` is the address of a `completion`.
struct illmrec_queue {
  grpc_completion_queue *completions;
  char name[16];
  void (*ended)(void *context);
  void *context;
  atomic_size_t users;
  atomic_size_t threads;
};

/// Another user of the queue, which `illmrec_queue_release` ends.
illmrec_queue *queue_retain(illmrec_queue *queue);
