// SPDX-License-Identifier: Apache-2.0

#include "illmrec_rows.h"

#include <stdatomic.h>
#include <string.h>

#include "blocks.h"
#include "half_floats.h"
#include "illmrec_cpu.h"

typedef struct {
  const illmrec_row_run *runs;
  size_t width;
} row_copy;

DISPATCHED static void narrow(const float *restrict from, uint16_t *restrict to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = bfloat16_of_float(from[i]);
}

DISPATCHED static void widen(const uint16_t *restrict from, float *restrict to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = float_of_bfloat16(from[i]);
}

static void copy_run(const illmrec_row_run *run, size_t width) {
  for (size_t row = 0; row < run->rows; row++) {
    size_t from = row * run->from_stride, to = row * run->to_stride;
    switch (run->conversion) {
      case ILLMREC_FLOAT_TO_FLOAT:
        memcpy((float *)run->to + to, (const float *)run->from + from, width * sizeof(float));
        break;
      case ILLMREC_FLOAT_TO_BF16:
        narrow((const float *)run->from + from, (uint16_t *)run->to + to, width);
        break;
      case ILLMREC_BF16_TO_FLOAT:
        widen((const uint16_t *)run->from + from, (float *)run->to + to, width);
        break;
    }
  }
}

static void copy_runs(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const row_copy *copy = context;
  for (size_t i = begin; i < end; i++) copy_run(&copy->runs[i], copy->width);
}

void illmrec_copy_rows(illmrec_team *team, const illmrec_row_run *runs, size_t count, size_t width) {
  if (count == 0 || width == 0) return;
  row_copy copy = {runs, width};
  // Runs are about as long as each other: blocks of a cache.
  size_t rows = 0;
  for (size_t i = 0; i < count; i++) rows += runs[i].rows;
  size_t block = rows_per_block(width) * count / (rows == 0 ? 1 : rows);
  illmrec_team_run(team, count, block == 0 ? 1 : block, copy_runs, &copy);
}

// MARK: In place

typedef struct {
  float *x;
  _Atomic size_t first_not_finite;
} rounding;

// Returns the largest magnitude's bits: of a block, without an early exit, which would keep it from vectorising.
DISPATCHED static uint32_t round_block(float *x, size_t count) {
  int32_t largest = 0;
  for (size_t i = 0; i < count; i++) {
    x[i] = float_of_bfloat16(bfloat16_of_float(x[i]));
    const int32_t magnitude = (int32_t)(bits_of_float(x[i]) & 0x7fffffff);
    largest = magnitude > largest ? magnitude : largest;
  }
  return (uint32_t)largest;
}

static void round_range(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  rounding *r = context;
  if (round_block(r->x + begin, end - begin) < 0x7f800000) return;
  while ((bits_of_float(r->x[begin]) & 0x7f800000) != 0x7f800000) begin++;
  size_t first = atomic_load(&r->first_not_finite);
  while (begin < first && !atomic_compare_exchange_weak(&r->first_not_finite, &first, begin)) continue;
}

size_t illmrec_round_to_bf16(illmrec_team *team, float *x, size_t count) {
  rounding r = {.x = x, .first_not_finite = count};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK, round_range, &r);
  return atomic_load(&r.first_not_finite);
}
