// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cblas.h>
#include <stddef.h>

/// LAPACK's, which OpenBLAS brings: Fortran functions that have no C header without LAPACKE.
extern void dpotrf_(const char *triangle, const blasint *order, double *matrix, const blasint *stride, blasint *info,
                    size_t triangle_length);
extern void dgeqrf_(const blasint *rows, const blasint *columns, double *matrix, const blasint *stride, double *scales,
                    double *work, const blasint *work_length, blasint *info);
extern void dorgqr_(const blasint *rows, const blasint *columns, const blasint *reflectors, double *matrix,
                    const blasint *stride, const double *scales, double *work, const blasint *work_length,
                    blasint *info);
extern void dsyev_(const char *wanted, const char *triangle, const blasint *order, double *matrix,
                   const blasint *stride, double *values, double *work, const blasint *work_length, blasint *info,
                   size_t wanted_length, size_t triangle_length);
