// SPDX-License-Identifier: Apache-2.0

#include <stdatomic.h>
#include <string.h>

#include "blocks.h"
#include "half_floats.h"
#include "illmrec_cpu.h"

typedef struct {
  const uint16_t *x;
  float *out;
} widening;

DISPATCHED static void widen_bf16(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const widening *w = context;
  for (size_t i = begin; i < end; i++) w->out[i] = float_of_bfloat16(w->x[i]);
}

void illmrec_from_bf16(illmrec_team *team, const uint16_t *x, size_t count, float *out) {
  widening w = {.x = x, .out = out};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK * 4, widen_bf16, &w);
}

DISPATCHED static void widen_f16(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const widening *w = context;
  for (size_t i = begin; i < end; i++) w->out[i] = float_of_float16(w->x[i]);
}

void illmrec_from_f16(illmrec_team *team, const uint16_t *x, size_t count, float *out) {
  widening w = {.x = x, .out = out};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK * 4, widen_f16, &w);
}

typedef struct {
  const float *x;
  _Atomic size_t first;
} finite_search;

// A block is scanned without an early exit, which would keep it from vectorising.
DISPATCHED static uint32_t has_not_finite(const float *x, size_t count) {
  uint32_t found = 0;
  for (size_t i = 0; i < count; i++) found |= (bits_of_float(x[i]) & 0x7f800000) == 0x7f800000;
  return found;
}

static void search_block(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  finite_search *search = context;
  if (!has_not_finite(search->x + begin, end - begin)) return;
  while ((bits_of_float(search->x[begin]) & 0x7f800000) != 0x7f800000) begin++;
  size_t first = atomic_load(&search->first);
  while (begin < first && !atomic_compare_exchange_weak(&search->first, &first, begin)) continue;
}

size_t illmrec_first_not_finite(illmrec_team *team, const float *x, size_t count) {
  finite_search search = {.x = x, .first = count};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK * 4, search_block, &search);
  return atomic_load(&search.first);
}
