// SPDX-License-Identifier: Apache-2.0

#include "illmrec_whitening.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "lapack.h"

static void set_identity(double *matrix, size_t width) {
  for (size_t i = 0; i < width * width; i++) matrix[i] = i % (width + 1) == 0;
}

// covariance: its lower triangle is written.
static void find_moments(const float *rows, size_t count, size_t width, double *centred, double *mean,
                         double *covariance) {
  for (size_t i = 0; i < width; i++) mean[i] = 0;
  for (size_t r = 0; r < count; r++) {
    for (size_t i = 0; i < width; i++) mean[i] += (double)rows[r * width + i] / (double)count;
  }
  for (size_t r = 0; r < count; r++) {
    for (size_t i = 0; i < width; i++) centred[r * width + i] = (double)rows[r * width + i] - mean[i];
  }
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (blasint)width, (blasint)count, 1.0 / (double)count, centred,
              (blasint)width, 0.0, covariance, (blasint)width);
}

// What the mean variance is added to the covariance times: OAS' share s of it, as s / (1 - s).
static double shrinkage(const double *covariance, size_t count, size_t width, double trace) {
  double squares = 0;
  for (size_t i = 0; i < width; i++) {
    for (size_t j = 0; j < i; j++) squares += 2 * covariance[i * width + j] * covariance[i * width + j];
    squares += covariance[i * width + i] * covariance[i * width + i];
  }
  const double p = (double)width;
  const double numerator = (1 - 2 / p) * squares + trace * trace;
  const double denominator = ((double)count + 1 - 2 / p) * (squares - trace * trace / p);
  const double share = denominator > numerator ? numerator / denominator : 1;
  return share < 0.999 ? share / (1 - share) : 999;
}

int illmrec_whitening(const float *rows, size_t count, size_t width, double ridge, double *mean, double *factor) {
  double *centred = malloc(count * width * sizeof *centred);
  if (centred == NULL) return -1;
  set_identity(factor, width);
  find_moments(rows, count, width, centred, mean, factor);
  free(centred);
  double trace = 0;
  for (size_t i = 0; i < width; i++) trace += factor[i * width + i];
  if (!isfinite(trace)) return -1;
  if (trace == 0) {
    set_identity(factor, width);
    return 0;
  }
  const double needed = shrinkage(factor, count, width, trace);
  const double added = (needed > ridge ? needed : ridge) * trace / (double)width;
  for (size_t i = 0; i < width; i++) factor[i * width + i] += added;
  // Fortran's upper triangle is the lower one of rows.
  const blasint order = (blasint)width;
  blasint info = 0;
  dpotrf_("U", &order, factor, &order, &info, 1);
  return info == 0 ? 0 : -1;
}

int illmrec_fold_whitening(const double *mean, const double *factor, size_t width, size_t outer, float *weight,
                           float *bias) {
  double *folded = malloc(outer * width * sizeof *folded);
  if (folded == NULL) return -1;
  for (size_t i = 0; i < outer * width; i++) folded[i] = weight[i];
  cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, (blasint)outer, (blasint)width, 1.0,
              factor, (blasint)width, folded, (blasint)width);
  for (size_t o = 0; o < outer; o++) {
    double shift = 0;
    for (size_t i = 0; i < width; i++) {
      weight[o * width + i] = (float)folded[o * width + i];
      shift += folded[o * width + i] * mean[i];
    }
    bias[o] = (float)((double)bias[o] - shift);
  }
  free(folded);
  return 0;
}
