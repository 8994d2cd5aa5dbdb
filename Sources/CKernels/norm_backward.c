// SPDX-License-Identifier: Apache-2.0

#include <math.h>

#include "blocks.h"
#include "illmrec_backward.h"
#include "illmrec_cpu.h"
#include "team.h"

typedef struct {
  const float *x;
  size_t rows, width;
  const float *weight;
  float epsilon;
  // Whether rows are centred before they are scaled.
  bool centred;
  const float *dy;
  bool accumulate;
  float *dx;
  float *dweight, *dbias;
  // [rows, 2]: each row's mean, or 0, and 1 / sqrt(variance + epsilon).
  float *moments;
} norm_gradient;

// A row's normed element is (x - mean) * factor.
typedef struct {
  float mean, factor;
} row_moments;

INLINED row_moments moments_of(const norm_gradient *g, const float *x) {
#pragma clang fp reassociate(on) contract(fast)
  float sum = 0, squares = 0;
  for (size_t c = 0; g->centred && c < g->width; c++) sum += x[c];
  const float mean = sum / (float)g->width;
  for (size_t c = 0; c < g->width; c++) squares += (x[c] - mean) * (x[c] - mean);
  return (row_moments){mean, 1.0f / sqrtf(squares / (float)g->width + g->epsilon)};
}

DISPATCHED static void moments_of_rows(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const norm_gradient *g = context;
  for (size_t row = begin; row < end; row++) {
    const row_moments moments = moments_of(g, g->x + row * g->width);
    g->moments[2 * row] = moments.mean;
    g->moments[2 * row + 1] = moments.factor;
  }
}

// Columns [begin, end) of all rows: every sum has its thread.
DISPATCHED static void weight_columns(void *context, size_t begin, size_t end, size_t worker) {
#pragma clang fp contract(fast)
  (void)worker;
  const norm_gradient *g = context;
  for (size_t row = 0; row < g->rows; row++) {
    const float *restrict x = g->x + row * g->width, *restrict dy = g->dy + row * g->width;
    const float mean = g->moments[2 * row], factor = g->moments[2 * row + 1];
    float *restrict dweight = g->dweight, *restrict dbias = g->dbias;
    for (size_t c = begin; c < end; c++) dweight[c] += dy[c] * (x[c] - mean) * factor;
    if (dbias == NULL) continue;
    for (size_t c = begin; c < end; c++) dbias[c] += dy[c];
  }
}

DISPATCHED static void input_rows(void *context, size_t begin, size_t end, size_t worker) {
#pragma clang fp reassociate(on) contract(fast)
  (void)worker;
  const norm_gradient *g = context;
  const float *restrict weight = g->weight;
  for (size_t row = begin; row < end; row++) {
    const float *x = g->x + row * g->width, *dy = g->dy + row * g->width;
    float *dx = g->dx + row * g->width;
    const row_moments m = moments_of(g, x);
    float sum = 0, along = 0;
    for (size_t c = 0; c < g->width; c++) {
      sum += weight[c] * dy[c];
      along += weight[c] * dy[c] * (x[c] - m.mean);
    }
    const float shift = g->centred ? sum / (float)g->width : 0;
    const float slope = along / (float)g->width * m.factor * m.factor;
    for (size_t c = 0; c < g->width; c++) {
      const float value = m.factor * (weight[c] * dy[c] - shift - (x[c] - m.mean) * slope);
      dx[c] = g->accumulate ? dx[c] + value : value;
    }
  }
}

// Of either norm. What the weights get comes first: dx may overwrite dy.
static int norm_backward(illmrec_team *team, norm_gradient g) {
  if (g.rows == 0 || g.width == 0) return 0;
  const size_t block = rows_per_block(g.width);
  if (g.dweight != NULL) {
    team_scratch scratch;
    if (!borrow_scratch(team, 2 * g.rows * sizeof(float), &scratch)) return -1;
    g.moments = scratch.memory;
    illmrec_team_run(team, g.rows, block, moments_of_rows, &g);
    illmrec_team_run(team, g.width, rows_per_block(g.rows), weight_columns, &g);
    return_scratch(team, scratch);
  }
  illmrec_team_run(team, g.rows, block, input_rows, &g);
  return 0;
}

int illmrec_rms_norm_backward(illmrec_team *team, const float *x, size_t rows, size_t width, const float *weight,
                              float epsilon, const float *dy, int accumulate, float *dx, float *dweight) {
  const bool centred = false;
  return norm_backward(
      team, (norm_gradient){x, rows, width, weight, epsilon, centred, dy, accumulate != 0, dx, dweight, NULL, NULL});
}

int illmrec_layer_norm_backward(illmrec_team *team, const float *x, size_t rows, size_t width, const float *weight,
                                float epsilon, const float *dy, float *dx, float *dweight, float *dbias) {
  const bool centred = true, accumulate = false;
  return norm_backward(
      team, (norm_gradient){x, rows, width, weight, epsilon, centred, dy, accumulate, dx, dweight, dbias, NULL});
}
