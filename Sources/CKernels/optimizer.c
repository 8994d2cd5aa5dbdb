// SPDX-License-Identifier: Apache-2.0

#include "illmrec_optimizer.h"

#include <math.h>
#include <stdlib.h>

#include "blocks.h"
#include "illmrec_cpu.h"

typedef struct {
  const illmrec_adamw_step *step;
  float rate, root;  // what the running means' late start is made up for with
  const float *gradient;
  float *values, *mean, *square;
} adamw;

DISPATCHED static void adamw_range(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const adamw *a = context;
  const illmrec_adamw_step s = *a->step;
  const float *restrict gradient = a->gradient;
  float *restrict values = a->values, *restrict mean = a->mean, *restrict square = a->square;
  const float keep = 1.0f - s.learning_rate * s.weight_decay;
  for (size_t i = begin; i < end; i++) {
    const float g = gradient[i] * s.gradient_scale;
    mean[i] = s.beta1 * mean[i] + (1.0f - s.beta1) * g;
    square[i] = s.beta2 * square[i] + (1.0f - s.beta2) * g * g;
    values[i] = values[i] * keep - a->rate * mean[i] / (sqrtf(square[i]) * a->root + s.epsilon);
  }
}

void illmrec_adamw(illmrec_team *team, const illmrec_adamw_step *step, const float *gradient, size_t count,
                   float *values, float *mean, float *square) {
  const double t = (double)step->step;
  const float rate = (float)(step->learning_rate / (1.0 - pow(step->beta1, t)));
  const float root = (float)(1.0 / sqrt(1.0 - pow(step->beta2, t)));
  adamw a = {step, rate, root, gradient, values, mean, square};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK / 4, adamw_range, &a);
}

/// Values whose squares are summed by one worker: sums of blocks are added in their order.
enum { SQUARES_PER_BLOCK = 1 << 16, LANES = 8 };

typedef struct {
  const float *values;
  size_t count;
  double *sums;
} squares;

DISPATCHED static void squares_range(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const squares *s = context;
  for (size_t block = begin; block < end; block++) {
    const size_t first = block * SQUARES_PER_BLOCK;
    const size_t count = s->count - first < SQUARES_PER_BLOCK ? s->count - first : SQUARES_PER_BLOCK;
    const float *restrict values = s->values + first;
    double lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
      for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += (double)values[i + lane] * values[i + lane];
    }
    for (; i < count; i++) lanes[0] += (double)values[i] * values[i];
    for (size_t lane = 1; lane < LANES; lane++) lanes[0] += lanes[lane];
    s->sums[block] = lanes[0];
  }
}

double illmrec_sum_of_squares(illmrec_team *team, const float *values, size_t count) {
  const size_t blocks = (count + SQUARES_PER_BLOCK - 1) / SQUARES_PER_BLOCK;
  if (blocks == 0) return 0;
  double *sums = malloc(blocks * sizeof *sums);
  if (sums == NULL) abort();  // a few bytes for each 64k values
  squares s = {values, count, sums};
  illmrec_team_run(team, blocks, 1, squares_range, &s);
  double sum = 0;
  for (size_t block = 0; block < blocks; block++) sum += sums[block];
  free(sums);
  return sum;
}
