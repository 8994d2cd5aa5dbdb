// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "illmrec_image.h"

/// Fractional bits of a weight: 32, less 8 for the sample and 2 for sums outside of 0 to 1.
#define RESAMPLE_PRECISION_BITS 22

/// Which inputs make each output of one axis, and with what weights.
typedef struct {
  /// Room for weights of each output.
  int32_t capacity;
  /// First input of each output.
  int32_t *first;
  /// Inputs of each output.
  int32_t *length;
  /// [outputs, capacity]
  int32_t *weights;
} resample_axis;

/// Computes the weights of `outputs` samples over `inputs`. Returns 0 when memory is exhausted; destroy it then too.
int resample_axis_create(resample_axis *axis, int32_t inputs, int32_t outputs, illmrec_resample_kernel kind);

void resample_axis_destroy(resample_axis *axis);
