// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>

/// Whitening: the change of basis that gives vectors mean 0 and a covariance of nearly 1, in double precision.

#ifdef __cplusplus
extern "C" {
#endif

/// The mean of the rows, and the lower triangle L of L Lᵀ = covariance + r * (its trace / width) * 1.
///
/// r is what Chen et al. 2010 ("Shrinkage algorithms for MMSE covariance estimation", OAS) put in for the covariance's being
/// of so few rows, and at least `ridge`, above 0, which bounds how much directions that hardly vary are stretched. Rows that
/// are all the same give L = 1.
///
/// rows: [count, width], `count` at least 1. mean: [width]. factor: [width, width], zero above its diagonal.
/// Returns 0, or -1 when a row holds a NaN or an infinity, or there is no memory.
int illmrec_whitening(const float *rows, size_t count, size_t width, double ridge, double *mean, double *factor);

/// Makes a linear layer take vectors as they are that was made for whitened ones: weight L⁻¹ for its weight, and bias less that
/// times the mean for its bias.
///
/// weight: [outer, width]. bias: [outer]. Returns 0, or -1 when there is no memory.
int illmrec_fold_whitening(const double *mean, const double *factor, size_t width, size_t outer, float *weight,
                           float *bias);

#ifdef __cplusplus
}
#endif
