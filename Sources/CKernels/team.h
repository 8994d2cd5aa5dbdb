// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>

#include "illmrec_kernels.h"

/// Memory that a kernel uses while it runs.
typedef struct {
  /// On a 64-byte boundary.
  void *memory;
  size_t bytes;
} team_scratch;

/// Hands out at least `bytes`, which the team keeps from call to call so that they are not mapped and cleared each time.
/// Returns false when there is no memory. Any thread; NULL allocates.
bool borrow_scratch(illmrec_team *team, size_t bytes, team_scratch *scratch);

/// Takes it back.
void return_scratch(illmrec_team *team, team_scratch scratch);
