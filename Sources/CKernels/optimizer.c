#include "illmrec_optimizer.h"

#include <math.h>

#include "blocks.h"
#include "dispatch.h"

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
