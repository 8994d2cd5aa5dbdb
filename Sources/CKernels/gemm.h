#pragma once

#include <stddef.h>

/// One matrix product on the calling thread: c = a · b, or a · bᵀ, plus the former c when `accumulate` is not 0.
/// a: [m, k], c: [m, n]; b: [k, n], or [n, k] when `transpose_b` is not 0. Rows lie `*_stride` apart.
void gemm_on_this_thread(size_t m, size_t n, size_t k, const float *a, size_t a_stride, const float *b,
                         size_t b_stride, int transpose_b, int accumulate, float *c, size_t c_stride);
