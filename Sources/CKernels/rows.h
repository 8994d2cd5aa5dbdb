// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "illmrec_kernels.h"

/// What each feature set has its own code for: computed row by row or element by element, on the calling thread.
typedef struct {
  void (*silu_multiply)(float *x, const float *gate, size_t count);
  void (*silu_multiply_backward)(float *x, float *gate, const float *dy, size_t count);
  void (*gelu_tanh_multiply)(float *x, const float *gate, size_t count);
  void (*gelu_tanh_multiply_backward)(float *x, float *gate, const float *dy, size_t count);
  void (*gelu_tanh)(float *x, size_t count);
  void (*quick_gelu)(float *x, size_t count);
  void (*rms_norm)(const float *x, size_t width, const float *weight, float epsilon, float *out);
  void (*layer_norm)(const float *x, size_t width, const float *weight, const float *bias, float epsilon, float *out);
  void (*rotate)(float *x, size_t heads, size_t half, const float *cosine, const float *sine);
  void (*rotate_back)(float *x, size_t heads, size_t half, const float *cosine, const float *sine);
  /// x = factor * softmax(x); returns log(sum(exp(x))).
  float (*softmax)(float *x, size_t count, float factor);
  /// From scores s and the gradient by the weights exp(scale s - log_sum): s becomes the weights, the gradient that by s.
  /// `mean` is the gradient's mean under the weights of all keys.
  void (*softmax_backward)(float *scores, float *dweights, size_t count, float scale, float log_sum, float mean);
} row_kernels;

/// Those of `isa`.
const row_kernels *row_kernels_for(illmrec_isa isa);
