// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "illmrec_kernels.h"

/// Elements that one thread handles at a time. Waking a thread costs a few microseconds; this many elements of a plain
/// loop cost more.
enum { ELEMENTS_PER_BLOCK = 1 << 15 };

/// Rows of `width` that make up a block.
static inline size_t rows_per_block(size_t width) {
  size_t rows = width == 0 ? 1 : ELEMENTS_PER_BLOCK / width;
  return rows == 0 ? 1 : rows;
}
