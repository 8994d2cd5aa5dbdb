// SPDX-License-Identifier: Apache-2.0

#include <math.h>

#include "blocks.h"
#include "illmrec_backward.h"
#include "illmrec_cpu.h"
#include "rows.h"

typedef struct {
  const row_kernels *kernels;
  float *x, *gate;
  const float *dy;
} gated_elements;

static void silu_multiply_backward(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const gated_elements *e = context;
  e->kernels->silu_multiply_backward(e->x + begin, e->gate + begin, e->dy + begin, end - begin);
}

void illmrec_silu_multiply_backward(illmrec_team *team, illmrec_isa isa, float *x, float *gate, const float *dy,
                                    size_t count) {
  gated_elements e = {row_kernels_for(isa), x, gate, dy};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK, silu_multiply_backward, &e);
}

static void gelu_tanh_multiply_backward(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const gated_elements *e = context;
  e->kernels->gelu_tanh_multiply_backward(e->x + begin, e->gate + begin, e->dy + begin, end - begin);
}

void illmrec_gelu_tanh_multiply_backward(illmrec_team *team, illmrec_isa isa, float *x, float *gate, const float *dy,
                                         size_t count) {
  gated_elements e = {row_kernels_for(isa), x, gate, dy};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK, gelu_tanh_multiply_backward, &e);
}

typedef struct {
  const float *y;
  float *dy;
  float cap;
} capped_elements;

DISPATCHED static void soft_cap_backward(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const capped_elements *e = context;
  const float *restrict y = e->y;
  float *restrict dy = e->dy;
  for (size_t i = begin; i < end; i++) dy[i] *= 1 - (y[i] / e->cap) * (y[i] / e->cap);
}

void illmrec_soft_cap_backward(illmrec_team *team, const float *y, float cap, float *dy, size_t count) {
  capped_elements e = {y, dy, cap};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK, soft_cap_backward, &e);
}

typedef struct {
  const float *x;
  float *dy;
} elements;

// Φ(x) + x φ(x), with the standard normal's distribution function and density.
static void gelu_backward(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const elements *e = context;
  for (size_t i = begin; i < end; i++) {
    const float x = e->x[i];
    const float below = 0.5f * (1.0f + erff(x * 0.70710678118654752f));
    const float density = 0.3989422804014327f * expf(-0.5f * x * x);
    e->dy[i] *= below + x * density;
  }
}

void illmrec_gelu_backward(illmrec_team *team, const float *x, float *dy, size_t count) {
  elements e = {x, dy};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK / 8, gelu_backward, &e);
}

DISPATCHED static void relu_backward(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const elements *e = context;
  const float *restrict y = e->x;
  float *restrict dy = e->dy;
  for (size_t i = begin; i < end; i++) dy[i] = y[i] > 0 ? dy[i] : 0;
}

void illmrec_relu_backward(illmrec_team *team, const float *y, float *dy, size_t count) {
  elements e = {y, dy};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK, relu_backward, &e);
}

typedef struct {
  const float *dy;
  const int32_t *indices;
  size_t count, width;
  float *dtable;
} row_scatter;

// Columns [begin, end) of all rows: a row that comes several times is added to by one thread, in one order.
DISPATCHED static void scatter_columns(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const row_scatter *s = context;
  for (size_t row = 0; row < s->count; row++) {
    const float *restrict dy = s->dy + row * s->width;
    float *restrict dtable = s->dtable + (size_t)s->indices[row] * s->width;
    for (size_t c = begin; c < end; c++) dtable[c] += dy[c];
  }
}

void illmrec_scatter_add_rows(illmrec_team *team, const float *dy, const int32_t *indices, size_t count, size_t width,
                              float *dtable) {
  row_scatter s = {dy, indices, count, width, dtable};
  if (count > 0) illmrec_team_run(team, width, rows_per_block(count), scatter_columns, &s);
}
