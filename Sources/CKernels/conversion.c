#include <stdatomic.h>
#include <string.h>

#include "blocks.h"
#include "dispatch.h"

typedef struct {
  const uint16_t *x;
  float *out;
} widening;

INLINED float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

INLINED uint32_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

DISPATCHED static void widen_bf16(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const widening *w = context;
  for (size_t i = begin; i < end; i++) w->out[i] = float_of_bits((uint32_t)w->x[i] << 16);
}

void illmrec_from_bf16(illmrec_team *team, const uint16_t *x, size_t count, float *out) {
  widening w = {.x = x, .out = out};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK * 4, widen_bf16, &w);
}

// The 15 bits below the sign, moved to the float's place, stand for the value times 2^-112; multiplying by 2^112 also
// makes subnormals right. Infinity and NaN keep an exponent of all ones.
DISPATCHED static void widen_f16(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const widening *w = context;
  for (size_t i = begin; i < end; i++) {
    uint32_t half = w->x[i];
    uint32_t magnitude = (half & 0x7fff) << 13;
    uint32_t bits = bits_of_float(float_of_bits(magnitude) * 0x1p112f);
    bits = (half & 0x7c00) == 0x7c00 ? magnitude | 0x7f800000 : bits;
    w->out[i] = float_of_bits(bits | (half & 0x8000) << 16);
  }
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
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    found |= (bits & 0x7f800000) == 0x7f800000;
  }
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
