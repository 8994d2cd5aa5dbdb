// SPDX-License-Identifier: Apache-2.0

#include "resample_axis.h"

#include <math.h>
#include <stdlib.h>

// Weights as Pillow computes them: the kernel in double precision, normalised, then rounded to fixed point. Contracted
// multiply-adds would round some of them differently.
#pragma STDC FP_CONTRACT OFF

// Kernels, by Pillow's definitions. `x` is a distance in source pixels over the kernel's scale.

static double sinc(double x) { return x == 0.0 ? 1.0 : sin(x * M_PI) / (x * M_PI); }

static double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

static double bilinear(double x) { return fabs(x) < 1.0 ? 1.0 - fabs(x) : 0.0; }

static double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

static double hamming(double x) {
  x = fabs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  x *= M_PI;
  return sin(x) / x * (0.54f + 0.46f * cos(x));
}

/// Keys' cubic convolution with a = -0.5.
static double bicubic(double x) {
  const double a = -0.5;
  x = fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

typedef struct {
  double (*weight)(double x);
  double support;
} kernel_definition;

static kernel_definition definition_of(illmrec_resample_kernel kernel) {
  switch (kernel) {
    case ILLMREC_RESAMPLE_LANCZOS:
      return (kernel_definition){lanczos, 3.0};
    case ILLMREC_RESAMPLE_BILINEAR:
      return (kernel_definition){bilinear, 1.0};
    case ILLMREC_RESAMPLE_BOX:
      return (kernel_definition){box, 0.5};
    case ILLMREC_RESAMPLE_HAMMING:
      return (kernel_definition){hamming, 1.0};
    case ILLMREC_RESAMPLE_BICUBIC:
      break;
  }
  return (kernel_definition){bicubic, 2.0};
}

static int32_t fixed_point(double weight) {
  double scaled = weight * (1 << RESAMPLE_PRECISION_BITS);
  return (int32_t)(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

/// An axis that keeps its size: every output is its input.
static void fill_identity(resample_axis *axis, int32_t outputs) {
  for (int32_t i = 0; i < outputs; i++) {
    axis->first[i] = i;
    axis->length[i] = 1;
    axis->weights[(size_t)i * (size_t)axis->capacity] = 1 << RESAMPLE_PRECISION_BITS;
  }
}

/// Fills output `i` of `axis`; `exact` has room for its weights.
static void fill_output(resample_axis *axis, int32_t i, double scale, kernel_definition kernel, int32_t inputs,
                        double *exact) {
  double stretch = scale < 1.0 ? 1.0 : scale;
  double support = kernel.support * stretch;
  double inverse = 1.0 / stretch;
  double center = (i + 0.5) * scale;
  int32_t first = (int32_t)(center - support + 0.5);
  int32_t end = (int32_t)(center + support + 0.5);
  if (first < 0) first = 0;
  if (end > inputs) end = inputs;
  double sum = 0.0;
  for (int32_t j = 0; j < end - first; j++) {
    exact[j] = kernel.weight((j + first - center + 0.5) * inverse);
    sum += exact[j];
  }
  for (int32_t j = 0; j < end - first; j++) {
    axis->weights[(size_t)i * (size_t)axis->capacity + (size_t)j] = fixed_point(sum != 0.0 ? exact[j] / sum : exact[j]);
  }
  axis->first[i] = first;
  axis->length[i] = end - first;
}

int resample_axis_create(resample_axis *axis, int32_t inputs, int32_t outputs, illmrec_resample_kernel kind) {
  kernel_definition kernel = definition_of(kind);
  double scale = (double)inputs / outputs;
  axis->capacity = (int32_t)ceil(kernel.support * (scale < 1.0 ? 1.0 : scale)) * 2 + 1;
  axis->first = malloc(sizeof(int32_t) * (size_t)outputs);
  axis->length = malloc(sizeof(int32_t) * (size_t)outputs);
  axis->weights = malloc(sizeof(int32_t) * (size_t)outputs * (size_t)axis->capacity);
  double *exact = malloc(sizeof(double) * (size_t)axis->capacity);
  int complete = axis->first != NULL && axis->length != NULL && axis->weights != NULL && exact != NULL;
  if (complete && inputs == outputs) {
    fill_identity(axis, outputs);
  } else if (complete) {
    for (int32_t i = 0; i < outputs; i++) fill_output(axis, i, scale, kernel, inputs, exact);
  }
  free(exact);
  return complete;
}

void resample_axis_destroy(resample_axis *axis) {
  free(axis->first);
  free(axis->length);
  free(axis->weights);
}
