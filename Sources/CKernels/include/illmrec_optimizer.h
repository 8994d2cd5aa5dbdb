// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>

#include "illmrec_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What a step of AdamW is made with.
typedef struct {
  float learning_rate;
  /// Decay of the running means of the gradient and of its square.
  float beta1, beta2;
  /// Added to the root.
  float epsilon;
  /// Apart from the gradient: values shrink by learning_rate * weight_decay first.
  float weight_decay;
  /// Multiplied with the gradient before it is used: 1, or less to clip it.
  float gradient_scale;
  /// Counted from 1.
  size_t step;
} illmrec_adamw_step;

/// One step of AdamW (Loshchilov & Hutter 2019, algorithm 2), in the order of operations of torch.optim.AdamW.
///
/// values, mean, square: [count], updated; mean and square are 0 before the first step. gradient: [count].
void illmrec_adamw(illmrec_team *team, const illmrec_adamw_step *step, const float *gradient, size_t count,
                   float *values, float *mean, float *square);

/// The sum of the values' squares, in double precision. The same values give the same bits whatever the team's size.
double illmrec_sum_of_squares(illmrec_team *team, const float *values, size_t count);

#ifdef __cplusplus
}
#endif
