// SPDX-License-Identifier: Apache-2.0

#include <string.h>

#include "blocks.h"
#include "illmrec_cpu.h"
#include "illmrec_embeddings.h"

typedef struct {
  const float *table;
  const int32_t *indices;
  size_t count, width;
  float factor;
  int accumulate;
  float *out;
} gather;

DISPATCHED static void gather_range(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const gather *g = context;
  for (size_t row = begin; row < end; row++) {
    const float *restrict from = g->table + (size_t)g->indices[row] * g->width;
    float *restrict out = g->out + row * g->width;
    if (!g->accumulate) memset(out, 0, g->width * sizeof *out);
    for (size_t c = 0; c < g->width; c++) out[c] += g->factor * from[c];
  }
}

void illmrec_gather_rows(illmrec_team *team, const float *table, const int32_t *indices, size_t count, size_t width,
                         float factor, int accumulate, float *out) {
  gather g = {table, indices, count, width, factor, accumulate, out};
  if (count > 0) illmrec_team_run(team, count, rows_per_block(width), gather_range, &g);
}

typedef struct {
  const float *x;
  size_t x_stride;
  const float *table;
  const int32_t *indices;
  size_t width;
  float *scores;
} row_scores;

DISPATCHED static void score_range(void *context, size_t begin, size_t end, size_t worker) {
#pragma clang fp reassociate(on) contract(fast)
  (void)worker;
  const row_scores *s = context;
  for (size_t row = begin; row < end; row++) {
    const float *x = s->x + row * s->x_stride, *item = s->table + (size_t)s->indices[row] * s->width;
    float sum = 0;
    for (size_t c = 0; c < s->width; c++) sum += x[c] * item[c];
    s->scores[row] = sum;
  }
}

void illmrec_row_scores(illmrec_team *team, const float *x, size_t x_stride, const float *table, const int32_t *indices,
                        size_t count, size_t width, float *scores) {
  row_scores s = {x, x_stride, table, indices, width, scores};
  if (count > 0) illmrec_team_run(team, count, rows_per_block(width), score_range, &s);
}

typedef struct {
  const float *dscores, *x, *table;
  const int32_t *indices;
  size_t count, width;
  float *dx, *dtable;
} row_gradient;

DISPATCHED static void add_items(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const row_gradient *g = context;
  for (size_t row = begin; row < end; row++) {
    const float *restrict item = g->table + (size_t)g->indices[row] * g->width;
    float *restrict dx = g->dx + row * g->width;
    for (size_t c = 0; c < g->width; c++) dx[c] += g->dscores[row] * item[c];
  }
}

// Columns [begin, end) of all rows: an item that comes several times is added to by one thread, in one order.
DISPATCHED static void add_users(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const row_gradient *g = context;
  for (size_t row = 0; row < g->count; row++) {
    const float *restrict x = g->x + row * g->width;
    float *restrict ditem = g->dtable + (size_t)g->indices[row] * g->width;
    for (size_t c = begin; c < end; c++) ditem[c] += g->dscores[row] * x[c];
  }
}

void illmrec_row_scores_backward(illmrec_team *team, const float *dscores, const float *x, const float *table,
                                 const int32_t *indices, size_t count, size_t width, float *dx, float *dtable) {
  row_gradient g = {dscores, x, table, indices, count, width, dx, dtable};
  if (count == 0) return;
  illmrec_team_run(team, count, rows_per_block(width), add_items, &g);
  illmrec_team_run(team, width, rows_per_block(count), add_users, &g);
}
