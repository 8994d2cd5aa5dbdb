#include <math.h>

#include "blocks.h"
#include "dispatch.h"

typedef struct {
  const float *x;
  size_t width;
  const float *weight;
  const float *bias;
  float epsilon;
  float *out;
} norm;

DISPATCHED static void rms_norm_rows(void *context, size_t begin, size_t end, size_t worker) {
#pragma clang fp reassociate(on)
  (void)worker;
  const norm *n = context;
  for (size_t row = begin; row < end; row++) {
    const float *x = n->x + row * n->width;
    float *out = n->out + row * n->width;
    float squares = 0;
    for (size_t c = 0; c < n->width; c++) squares += x[c] * x[c];
    float factor = 1.0f / sqrtf(squares / (float)n->width + n->epsilon);
    for (size_t c = 0; c < n->width; c++) out[c] = x[c] * factor * n->weight[c];
  }
}

void illmrec_rms_norm(illmrec_team *team, const float *x, size_t rows, size_t width, const float *weight,
                      float epsilon, float *out) {
  norm n = {.x = x, .width = width, .weight = weight, .epsilon = epsilon, .out = out};
  illmrec_team_run(team, rows, rows_per_block(width), rms_norm_rows, &n);
}

// The variance is taken around the mean: E[x²] - E[x]² would cancel.
DISPATCHED static void layer_norm_rows(void *context, size_t begin, size_t end, size_t worker) {
#pragma clang fp reassociate(on)
  (void)worker;
  const norm *n = context;
  for (size_t row = begin; row < end; row++) {
    const float *x = n->x + row * n->width;
    float *out = n->out + row * n->width;
    float sum = 0, squares = 0;
    for (size_t c = 0; c < n->width; c++) sum += x[c];
    float mean = sum / (float)n->width;
    for (size_t c = 0; c < n->width; c++) squares += (x[c] - mean) * (x[c] - mean);
    float factor = 1.0f / sqrtf(squares / (float)n->width + n->epsilon);
    for (size_t c = 0; c < n->width; c++) out[c] = (x[c] - mean) * factor * n->weight[c] + n->bias[c];
  }
}

void illmrec_layer_norm(illmrec_team *team, const float *x, size_t rows, size_t width, const float *weight,
                        const float *bias, float epsilon, float *out) {
  norm n = {.x = x, .width = width, .weight = weight, .bias = bias, .epsilon = epsilon, .out = out};
  illmrec_team_run(team, rows, rows_per_block(width), layer_norm_rows, &n);
}
