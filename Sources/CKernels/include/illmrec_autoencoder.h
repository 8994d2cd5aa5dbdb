// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>

/// EASE (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data"): items out of items by one matrix without a
/// diagonal, and that matrix as a product of two narrow ones. All in double precision.

#ifdef __cplusplus
extern "C" {
#endif

/// Told what share of the work is done, in [0, 1]. A 0 ends it: what was asked for returns 1, and its results are undefined.
typedef int (*illmrec_goes_on)(void *context, double share);

/// The weights B, 0 on the diagonal, that have the least |X - X B|² + regularization |B|².
///
///     P = (Xᵀ X + regularization · 1)⁻¹,   B[i][j] = -P[i][j] / P[j][j] for i ≠ j
///
/// matrix: [items, items]; Xᵀ X on the way in, of which the lower triangle is read; B on the way out.
/// goes_on: asked between parts of the work; see `illmrec_goes_on`.
/// Returns 0, 1 when it was ended, or -1 when Xᵀ X holds a NaN or an infinity, Xᵀ X + regularization · 1 is not positive definite in double
/// precision, or there is no memory.
int illmrec_autoencoder(double *matrix, size_t items, double regularization, illmrec_goes_on goes_on, void *context);

/// left rightᵀ, the product of two matrices of `rank` columns that is nearest to a matrix of singular values s:
/// left = U √s and right = V √s, of the greatest s. Found by subspace iteration (Halko, Martinsson & Tropp 2011,
/// algorithm 4.4).
///
/// Columns whose singular value is below 1e-6 of the greatest are 0. The element of greatest magnitude in each column of `left`
/// is positive.
///
/// matrix: [items, items]. basis: [width, items], random numbers on the way in, and overwritten; `rank` ≤ `width` ≤ `items`, and
/// a width above the rank makes the last columns exact sooner. left, right: [items, rank]. goes_on: as above.
/// Returns 0, 1 when it was ended, or -1 when a row holds a NaN or an infinity, or there is no memory.
int illmrec_low_rank(const double *matrix, size_t items, double *basis, size_t width, size_t iterations, size_t rank,
                     float *left, float *right, illmrec_goes_on goes_on, void *context);

#ifdef __cplusplus
}
#endif
