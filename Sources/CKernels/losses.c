// SPDX-License-Identifier: Apache-2.0

#include <math.h>

#include "blocks.h"
#include "illmrec_backward.h"
#include "rows.h"

typedef struct {
  const row_kernels *kernels;
  float *logits;
  size_t vocabulary;
  size_t zeros;
  const int32_t *targets;
  float scale;
  float *losses;
} cross_entropy;

// log(exp(log_sum) + zeros), where neither exponential overflows.
static float with_zeros(float log_sum, size_t zeros) {
  const float largest = log_sum > 0 ? log_sum : 0;
  return largest + logf(expf(log_sum - largest) + (float)zeros * expf(-largest));
}

static void cross_entropy_rows(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const cross_entropy *c = context;
  for (size_t row = begin; row < end; row++) {
    float *logits = c->logits + row * c->vocabulary;
    const float logit = logits[c->targets[row]];
    float log_sum = c->kernels->softmax(logits, c->vocabulary, c->scale);
    if (c->zeros > 0) {
      const float whole = with_zeros(log_sum, c->zeros);
      illmrec_scale(logits, c->vocabulary, expf(log_sum - whole));
      log_sum = whole;
    }
    c->losses[row] = log_sum - logit;
    logits[c->targets[row]] -= c->scale;
  }
}

void illmrec_cross_entropy(illmrec_team *team, illmrec_isa isa, float *logits, size_t rows, size_t vocabulary,
                           size_t zeros, const int32_t *targets, float scale, float *losses) {
  cross_entropy c = {row_kernels_for(isa), logits, vocabulary, zeros, targets, scale, losses};
  illmrec_team_run(team, rows, rows_per_block(vocabulary), cross_entropy_rows, &c);
}

// The loss of one score, and its gradient by it.
static double logistic_loss(double score, double label, double *dscore) {
  // exp of a negative number alone: neither overflows.
  const double small = exp(-fabs(score));
  *dscore = (score >= 0 ? 1 / (1 + small) : small / (1 + small)) - label;
  return log1p(small) + (score > 0 ? score : 0) - label * score;
}

double illmrec_bce_with_logits(const float *scores, size_t count, float label, float scale, float *dscores) {
  double loss = 0;
  for (size_t i = 0; i < count; i++) {
    double dscore;
    loss += logistic_loss(scores[i], label, &dscore);
    dscores[i] = scale * (float)dscore;
  }
  return loss;
}

void illmrec_weighted_bce(float *scores, const float *weights, size_t rows, size_t width, const int32_t *targets,
                          double *losses) {
  for (size_t t = 0; t < rows; t++) {
    losses[t] = 0;
    for (size_t i = 0; i < width; i++) {
      const size_t at = t * width + i;
      double dscore = 0;
      if (weights[at] != 0) losses[t] += weights[at] * logistic_loss(scores[at], i == (size_t)targets[t], &dscore);
      scores[at] = weights[at] * (float)dscore;
    }
  }
}
