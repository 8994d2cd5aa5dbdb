// SPDX-License-Identifier: Apache-2.0

#include <math.h>

#include "blocks.h"
#include "illmrec_cpu.h"

// The C library's erf: of the published model, only the adaptor's 512 values per item pass here.
static void gelu(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  float *x = context;
  for (size_t i = begin; i < end; i++) x[i] = 0.5f * x[i] * (1.0f + erff(x[i] * 0.70710678118654752f));
}

void illmrec_gelu(illmrec_team *team, float *x, size_t count) {
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK / 8, gelu, x);
}

DISPATCHED static void relu(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  float *x = context;
  for (size_t i = begin; i < end; i++) x[i] = x[i] < 0 ? 0 : x[i];
}

void illmrec_relu(illmrec_team *team, float *x, size_t count) {
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK, relu, x);
}

typedef struct {
  float *x;
  float cap;
} soft_cap;

// The C library's tanh: only logits that training reads pass here.
static void cap_elements(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const soft_cap *s = context;
  for (size_t i = begin; i < end; i++) s->x[i] = s->cap * tanhf(s->x[i] / s->cap);
}

void illmrec_soft_cap(illmrec_team *team, float *x, float cap, size_t count) {
  soft_cap s = {x, cap};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK / 8, cap_elements, &s);
}

DISPATCHED void illmrec_scale(float *x, size_t count, float factor) {
  for (size_t i = 0; i < count; i++) x[i] *= factor;
}

typedef struct {
  float *x;
  size_t width;
  const float *y;
  size_t y_rows;
} row_addition;

DISPATCHED static void add_rows(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const row_addition *a = context;
  for (size_t row = begin; row < end; row++) {
    float *restrict x = a->x + row * a->width;
    const float *restrict y = a->y + row % a->y_rows * a->width;
    for (size_t c = 0; c < a->width; c++) x[c] += y[c];
  }
}

void illmrec_add_rows(illmrec_team *team, float *x, size_t rows, size_t width, const float *y, size_t y_rows) {
  row_addition a = {.x = x, .width = width, .y = y, .y_rows = y_rows};
  illmrec_team_run(team, rows, rows_per_block(width), add_rows, &a);
}

typedef struct {
  float *x;
  size_t width;
  const float *y, *scale;
} scaled_addition;

DISPATCHED static void add_scaled_columns(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const scaled_addition *a = context;
  for (size_t row = begin; row < end; row++) {
    float *restrict x = a->x + row * a->width;
    const float *restrict y = a->y + row * a->width, *restrict scale = a->scale;
    for (size_t c = 0; c < a->width; c++) x[c] += scale[c] * y[c];
  }
}

void illmrec_add_scaled_columns(illmrec_team *team, float *x, size_t rows, size_t width, const float *y,
                                const float *scale) {
  scaled_addition a = {.x = x, .width = width, .y = y, .scale = scale};
  illmrec_team_run(team, rows, rows_per_block(width), add_scaled_columns, &a);
}
