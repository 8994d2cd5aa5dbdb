// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <cstdint>

#include "illmrec_kernels.h"

namespace illmrec {

/// A row as 8-bit integers: x[i] is near (codes[i] - CODE_ZERO) * max|x| / 127.
///
/// Codes are stored with CODE_ZERO added, because the instructions that multiply bytes take one side without a sign. Rows are
/// filled up with CODE_ZERO to a multiple of CODE_LINE bytes.
inline constexpr size_t CODE_LINE = 64;
inline constexpr int32_t CODE_ZERO = 128;

inline size_t code_stride(size_t dim) { return (dim + CODE_LINE - 1) / CODE_LINE * CODE_LINE; }

/// Largest magnitude of `count` elements.
float largest_magnitude(const float *x, size_t count);

/// Writes a row's codes [code_stride(dim)] and returns their sum, zero being CODE_ZERO.
///
/// - largest: the row's largest magnitude. A row so small that its codes would overflow is written as zero.
int32_t encode_row(const float *x, size_t dim, float largest, uint8_t *codes);

/// Writes a query's codes [code_stride(dim)], with their signs, and returns their sum.
int32_t encode_query(const float *x, size_t dim, int8_t *codes);

/// Sums of products; exact, since dim is at most 65,536.
struct CodeProducts {
  /// Σ row[i] · query[i], the row's CODE_ZERO not taken out.
  int32_t (*with_query)(const uint8_t *row, const int8_t *query, size_t stride);
  /// Σ a[i] · (b[i] - CODE_ZERO).
  int32_t (*of_rows)(const uint8_t *a, const uint8_t *b, size_t stride);
};

/// The way that suits the processor, at most `isa`.
const CodeProducts &code_products(illmrec_isa isa);

}  // namespace illmrec
