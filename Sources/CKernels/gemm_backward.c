// SPDX-License-Identifier: Apache-2.0

#include <string.h>

#include "blocks.h"
#include "gemm.h"
#include "illmrec_backward.h"
#include "illmrec_cpu.h"

// MARK: With respect to the input: dx = dy · weight

typedef struct {
  const float *dy;
  size_t rows, outer, dy_stride;
  const float *weight;
  size_t inner;
  int accumulate;
  float *dx;
  size_t dx_stride;
} input_gradient;

static void input_tile(const input_gradient *g, size_t row, size_t rows, size_t column, size_t columns) {
  gemm_on_this_thread(rows, columns, g->outer, g->dy + row * g->dy_stride, g->dy_stride, GEMM_PLAIN, g->weight + column,
                      g->inner, GEMM_PLAIN, g->accumulate, g->dx + row * g->dx_stride + column, g->dx_stride);
}

static void input_columns(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const input_gradient *g = context;
  input_tile(g, 0, g->rows, begin, end - begin);
}

static void input_rows(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const input_gradient *g = context;
  input_tile(g, begin, end - begin, 0, g->inner);
}

void illmrec_linear_backward_input(illmrec_team *team, const float *dy, size_t rows, size_t outer, size_t dy_stride,
                                   const float *weight, size_t inner, int accumulate, float *dx, size_t dx_stride) {
  input_gradient g = {dy, rows, outer, dy_stride, weight, inner, accumulate, dx, dx_stride};
  const size_t parts = illmrec_team_size(team);
  if (rows == 0 || inner == 0) return;
  if (rows * inner * outer < GEMM_TEAM_WORTHWHILE) {
    input_columns(&g, 0, inner, 0);
  } else if (inner >= rows) {
    illmrec_team_run(team, inner, gemm_part(inner, parts), input_columns, &g);
  } else {
    illmrec_team_run(team, rows, gemm_part(rows, parts), input_rows, &g);
  }
}

// MARK: With respect to weight and bias: dweight += dyᵀ · x, dbias += the sum of dy's rows

typedef struct {
  const float *dy;
  size_t rows, outer, dy_stride;
  const float *x;
  size_t inner, x_stride;
  float *dweight;
  float *dbias;
} weight_gradient;

DISPATCHED static void add_columns(const float *dy, size_t rows, size_t stride, size_t columns, float *restrict sums) {
  for (size_t row = 0; row < rows; row++) {
    const float *restrict values = dy + row * stride;
    for (size_t c = 0; c < columns; c++) sums[c] += values[c];
  }
}

// The outputs [begin, end): every sum has its thread, and the same order whatever their number.
static void weight_outputs(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const weight_gradient *g = context;
  gemm_on_this_thread(end - begin, g->inner, g->rows, g->dy + begin, g->dy_stride, GEMM_TRANSPOSED, g->x, g->x_stride,
                      GEMM_PLAIN, 1, g->dweight + begin * g->inner, g->inner);
  if (g->dbias != NULL) add_columns(g->dy + begin, g->rows, g->dy_stride, end - begin, g->dbias + begin);
}

void illmrec_linear_backward_weight(illmrec_team *team, const float *dy, size_t rows, size_t outer, size_t dy_stride,
                                    const float *x, size_t inner, size_t x_stride, float *dweight, float *dbias) {
  weight_gradient g = {dy, rows, outer, dy_stride, x, inner, x_stride, dweight, dbias};
  if (rows == 0 || outer == 0 || inner == 0) return;
  if (rows * inner * outer < GEMM_TEAM_WORTHWHILE) {
    weight_outputs(&g, 0, outer, 0);
  } else {
    illmrec_team_run(team, outer, gemm_part(outer, illmrec_team_size(team)), weight_outputs, &g);
  }
}
