// SPDX-License-Identifier: Apache-2.0

// A template, included once per feature set: scores blocks of rows against blocks of queries.
//
// Parameters: KERNEL(name) and KERNEL_TARGET as in template_begin.h; KERNEL_ROWS (at most 8) and KERNEL_QUERIES are the
// block. Accumulators and one row must fit the registers: rows · queries + queries + 1 vectors of
// 16 floats (AVX-512 has 32 of them, AVX2 the equivalent of 8).

#define KERNEL_LANES 16
#include "template_begin.h"

// Sums of eight accumulators' sixteen lanes, in the order that illmrec_search.h promises. Sums of different accumulators
// share a register, so that each fold costs two shuffles for two accumulators.
#define FOLD_2(a, b)                                                                       \
  (__builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) + \
   __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#define FOLD_4(ab, cd)                                                                         \
  (__builtin_shufflevector(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) + \
   __builtin_shufflevector(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31))
#define FOLD_8(abcd, efgh)                                                                         \
  (__builtin_shufflevector(abcd, efgh, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) + \
   __builtin_shufflevector(abcd, efgh, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31))
#define FOLD_PAIRS(sums)                                            \
  (__builtin_shufflevector(sums, sums, 0, 2, 4, 6, 8, 10, 12, 14) + \
   __builtin_shufflevector(sums, sums, 1, 3, 5, 7, 9, 11, 13, 15))

/// scores[q, r] = inner product of query q and row r, for a block of `KERNEL_ROWS` rows and `width` queries.
///
/// `queries` are padded with zeros to `stride`, a multiple of 16; rows are not padded.
#define DEFINE_BLOCK(name, width)                                                                                 \
  KERNEL_FUNCTION void KERNEL(name)(const float *const rows[BLOCK_ROWS_MAX], const float *queries, size_t stride, \
                                    size_t dim, float scores[][BLOCK_ROWS_MAX]) {                                 \
    FLOATS sums[width][BLOCK_ROWS_MAX] = {{{0}}};                                                                 \
    const size_t whole = dim & ~(size_t)15;                                                                       \
    for (size_t c = 0; c < whole; c += 16) {                                                                      \
      UNROLLED for (int r = 0; r < KERNEL_ROWS; r++) {                                                            \
        const FLOATS row = *(const KERNEL(floats_anywhere) *)(rows[r] + c);                                       \
        UNROLLED for (int q = 0; q < (width); q++) {                                                              \
          const FLOATS query = *(const FLOATS *)(queries + (size_t)q * stride + c);                               \
          sums[q][r] = __builtin_elementwise_fma(row, query, sums[q][r]);                                         \
        }                                                                                                         \
      }                                                                                                           \
    }                                                                                                             \
    if (whole < dim) {                                                                                            \
      UNROLLED for (int r = 0; r < KERNEL_ROWS; r++) {                                                            \
        FLOATS row = {0};                                                                                         \
        memcpy(&row, rows[r] + whole, (dim - whole) * sizeof(float));                                             \
        UNROLLED for (int q = 0; q < (width); q++) {                                                              \
          const FLOATS query = *(const FLOATS *)(queries + (size_t)q * stride + whole);                           \
          sums[q][r] = __builtin_elementwise_fma(row, query, sums[q][r]);                                         \
        }                                                                                                         \
      }                                                                                                           \
    }                                                                                                             \
    UNROLLED for (int q = 0; q < (width); q++) {                                                                  \
      const FLOATS first = FOLD_4(FOLD_2(sums[q][0], sums[q][1]), FOLD_2(sums[q][2], sums[q][3]));                \
      const FLOATS second = FOLD_4(FOLD_2(sums[q][4], sums[q][5]), FOLD_2(sums[q][6], sums[q][7]));               \
      const FLOATS pairs = FOLD_8(first, second);                                                                 \
      *(f32x8_anywhere *)scores[q] = FOLD_PAIRS(pairs);                                                           \
    }                                                                                                             \
  }

DEFINE_BLOCK(score_one, 1)
DEFINE_BLOCK(score_block, KERNEL_QUERIES)

static const search_kernel KERNEL(search_kernel) = {
    .score_one = KERNEL(score_one),
    .score_block = KERNEL(score_block),
    .rows = KERNEL_ROWS,
    .queries = KERNEL_QUERIES,
};

#undef DEFINE_BLOCK
#undef FOLD_2
#undef FOLD_4
#undef FOLD_8
#undef FOLD_PAIRS
#undef KERNEL_ROWS
#undef KERNEL_QUERIES
#include "template_end.h"
