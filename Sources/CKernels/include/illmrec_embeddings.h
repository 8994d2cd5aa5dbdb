// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "illmrec_kernels.h"

/// What models of item sequences do with tables of embeddings, forward and backward. What is said in illmrec_kernels.h about
/// letters, layout, pointers and teams holds here. Results do not depend on the number of threads.

#ifdef __cplusplus
extern "C" {
#endif

/// out[r, :] = factor * table[indices[r], :], plus the former out[r, :] when `accumulate` is not 0.
///
/// table: [_, width]; the caller knows that it holds the indices. out: [count, width].
void illmrec_gather_rows(illmrec_team *team, const float *table, const int32_t *indices, size_t count, size_t width,
                         float factor, int accumulate, float *out);

/// scores[r] = x[r, :] · table[indices[r], :]. x: rows of `width`, `x_stride` apart; 0 scores one row with all of them.
void illmrec_row_scores(illmrec_team *team, const float *x, size_t x_stride, const float *table, const int32_t *indices,
                        size_t count, size_t width, float *scores);

/// The gradient of `illmrec_row_scores` for x: [count, width]: dx[r, :] += dscores[r] * table[indices[r], :], and
/// dtable[indices[r], :] += dscores[r] * x[r, :], row by row in order.
void illmrec_row_scores_backward(illmrec_team *team, const float *dscores, const float *x, const float *table,
                                 const int32_t *indices, size_t count, size_t width, float *dx, float *dtable);

/// Sets each element to 0 with the given probability, in [0, 1), and divides the others by its complement. The seed and an
/// element's index decide: on dy, with the same seed, it is its own gradient.
///
/// - Source: Srivastava et al. 2014, section 10 (scaled in training).
void illmrec_dropout(illmrec_team *team, float *x, size_t count, float probability, uint64_t seed);

#ifdef __cplusplus
}
#endif
