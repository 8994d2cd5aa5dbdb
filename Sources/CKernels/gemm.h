// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>

/// How an operand lies in memory.
typedef enum { GEMM_PLAIN, GEMM_TRANSPOSED } gemm_layout;

/// One matrix product on the calling thread: c = a · b, plus the former c when `accumulate` is not 0.
/// a: [m, k], or [k, m] when transposed. b: [k, n], or [n, k] when transposed. c: [m, n]. Rows lie `*_stride` apart.
void gemm_on_this_thread(size_t m, size_t n, size_t k, const float *a, size_t a_stride, gemm_layout a_layout,
                         const float *b, size_t b_stride, gemm_layout b_layout, int accumulate, float *c,
                         size_t c_stride);

/// Multiply-adds below which a second thread costs more than it brings.
enum { GEMM_TEAM_WORTHWHILE = 1 << 18 };

/// Rows or columns that each of `parts` threads takes: OpenBLAS works on multiples of 16; other parts leave a ragged edge.
static inline size_t gemm_part(size_t count, size_t parts) {
  const size_t part = (count + parts - 1) / parts;
  return (part + 15) / 16 * 16;
}
