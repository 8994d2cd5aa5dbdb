// SPDX-License-Identifier: Apache-2.0

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "half_floats.h"
#include "illmrec_cpu.h"
#include "int8_steps.h"
#include "packed.h"

// Inputs that go from rows to a panel together: 32 rows of them stay in the first-level cache.
enum { CHUNK = 256 };

size_t illmrec_packed_bytes(illmrec_packed_format format, size_t outputs, size_t inputs) {
  return (outputs + PANEL - 1) / PANEL * panel_words(format, inputs) * sizeof(uint32_t);
}

// Elements of a row, which may lie at any address, as floats.
DISPATCHED static void read_float16(const void *source, size_t count, float *out) {
  for (size_t i = 0; i < count; i++) {
    uint16_t half;
    memcpy(&half, (const char *)source + i * sizeof half, sizeof half);
    out[i] = float_of_float16(half);
  }
}

DISPATCHED static void read_bfloat16(const void *source, size_t count, float *out) {
  for (size_t i = 0; i < count; i++) {
    uint16_t value;
    memcpy(&value, (const char *)source + i * sizeof value, sizeof value);
    out[i] = float_of_bfloat16(value);
  }
}

static size_t size_of(illmrec_element element) { return element == ILLMREC_ELEMENT_FLOAT32 ? 4 : 2; }

static void read_floats(illmrec_element element, const void *row, size_t first, size_t count, float *out) {
  const char *source = (const char *)row + first * size_of(element);
  switch (element) {
    case ILLMREC_ELEMENT_FLOAT32:
      memcpy(out, source, count * sizeof *out);
      return;
    case ILLMREC_ELEMENT_FLOAT16:
      read_float16(source, count, out);
      return;
    case ILLMREC_ELEMENT_BFLOAT16:
      read_bfloat16(source, count, out);
      return;
  }
}

DISPATCHED static void round_to_bfloat16(const float *x, size_t count, uint16_t *out) {
  for (size_t i = 0; i < count; i++) out[i] = bfloat16_of_float(x[i]);
}

DISPATCHED static void round_to_steps(const float *x, float inverse_scale, size_t count, uint8_t *out) {
  for (size_t i = 0; i < count; i++) out[i] = (uint8_t)(nearest_integer(x[i] * inverse_scale) + 128);
}

DISPATCHED static uint32_t largest_of_row(const float *x, size_t count) { return largest_magnitude(x, count); }

typedef struct {
  illmrec_packed_format format;
  illmrec_element element;
  const void *const *rows;
  size_t outputs;
  size_t inputs;
  uint32_t *packed;
  _Atomic size_t first_not_finite;
} packing;

static void note_not_finite(packing *p, size_t output) {
  size_t first = atomic_load(&p->first_not_finite);
  while (output < first && !atomic_compare_exchange_weak(&p->first_not_finite, &first, output)) continue;
}

static uint32_t magnitude_of_row(const packing *p, size_t output) {
  uint32_t largest = 0;
  float values[CHUNK];
  for (size_t first = 0; first < p->inputs; first += CHUNK) {
    const size_t count = p->inputs - first < CHUNK ? p->inputs - first : CHUNK;
    read_floats(p->element, p->rows[output], first, count, values);
    const uint32_t part = largest_of_row(values, count);
    largest = part > largest ? part : largest;
  }
  return largest;
}

// The scales of a panel's outputs into its head, what to multiply with into `inverse_scales`.
static void choose_scales(packing *p, size_t first_output, size_t outputs, float *scales, float *inverse_scales) {
  for (size_t o = 0; o < PANEL; o++) {
    scales[o] = inverse_scales[o] = 0;
    if (o >= outputs) continue;
    const uint32_t bits = magnitude_of_row(p, first_output + o);
    if (bits >= 0x7f800000) {
      note_not_finite(p, first_output + o);
      continue;
    }
    const float magnitude = float_of_bits(bits);
    // Below, the inverse would not be finite; such weights are as good as zero.
    if (magnitude <= 1e-30f) continue;
    scales[o] = magnitude / 127.0f;
    inverse_scales[o] = 127.0f / magnitude;
  }
}

// A chunk of one row as words, from input `first` on; zero (int8: 128) where there is none.
static void make_words(packing *p, size_t output, size_t first, size_t count, float inverse_scale, uint32_t *words) {
  memset(words, p->format == ILLMREC_PACKED_INT8 ? 128 : 0, CHUNK / inputs_per_group(p->format) * sizeof *words);
  if (output >= p->outputs) return;
  if (p->format == ILLMREC_PACKED_BFLOAT16 && p->element == ILLMREC_ELEMENT_BFLOAT16) {
    memcpy(words, (const char *)p->rows[output] + first * 2, count * 2);
    return;
  }
  float values[CHUNK];
  read_floats(p->element, p->rows[output], first, count, values);
  if (p->format == ILLMREC_PACKED_BFLOAT16) {
    round_to_bfloat16(values, count, (uint16_t *)words);
  } else if (inverse_scale > 0) {
    round_to_steps(values, inverse_scale, count, (uint8_t *)words);
  }
}

// Whether a word holds a bfloat16 that is a NaN or an infinity.
DISPATCHED static uint32_t spread(const uint32_t *words, size_t row_words, size_t groups, uint32_t *panel) {
  uint32_t largest = 0;
  for (size_t g = 0; g < groups; g++) {
    for (size_t o = 0; o < PANEL; o++) panel[g * PANEL + o] = words[o * row_words + g];
    for (size_t o = 0; o < PANEL; o++) {
      const uint32_t low = panel[g * PANEL + o] << 16 & 0x7fffffff, high = panel[g * PANEL + o] & 0x7fffffff;
      largest = low > largest ? low : largest;
      largest = high > largest ? high : largest;
    }
  }
  return largest >= 0x7f800000;
}

static void find_not_finite(packing *p, const uint32_t *words, size_t row_words, size_t first_output) {
  for (size_t o = 0; o < PANEL; o++) {
    for (size_t w = 0; w < row_words; w++) {
      const uint32_t word = words[o * row_words + w];
      if ((word & 0x7f80) == 0x7f80 || (word & 0x7f800000) == 0x7f800000) note_not_finite(p, first_output + o);
    }
  }
}

static void pack_panel(packing *p, size_t panel) {
  const size_t each = inputs_per_group(p->format), row_words = CHUNK / each, first_output = panel * PANEL;
  const size_t outputs = p->outputs - first_output < PANEL ? p->outputs - first_output : PANEL;
  uint32_t *out = p->packed + panel * panel_words(p->format, p->inputs);
  float inverse_scales[PANEL] = {0};
  if (p->format == ILLMREC_PACKED_INT8) {
    choose_scales(p, first_output, outputs, (float *)out, inverse_scales);
    out += SCALE_WORDS;
  }
  uint32_t words[PANEL * CHUNK / 2];
  for (size_t first = 0; first < p->inputs; first += CHUNK) {
    const size_t count = p->inputs - first < CHUNK ? p->inputs - first : CHUNK;
    for (size_t o = 0; o < PANEL; o++) {
      make_words(p, first_output + o, first, count, inverse_scales[o], words + o * row_words);
    }
    const uint32_t not_finite = spread(words, row_words, (count + each - 1) / each, out + first / each * PANEL);
    if (not_finite && p->format == ILLMREC_PACKED_BFLOAT16) find_not_finite(p, words, row_words, first_output);
  }
}

static void pack_panels(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  for (size_t panel = begin; panel < end; panel++) pack_panel(context, panel);
}

size_t illmrec_pack(illmrec_team *team, illmrec_packed_format format, illmrec_element element, const void *const *rows,
                    size_t outputs, size_t inputs, void *packed) {
  packing p = {.format = format,
               .element = element,
               .rows = rows,
               .outputs = outputs,
               .inputs = inputs,
               .packed = packed,
               .first_not_finite = outputs};
  illmrec_team_run(team, (outputs + PANEL - 1) / PANEL, 1, pack_panels, &p);
  return atomic_load(&p.first_not_finite);
}

void illmrec_unpack_row(illmrec_packed_format format, const void *packed, size_t inputs, size_t output, float *out) {
  const uint32_t *panel = (const uint32_t *)packed + output / PANEL * panel_words(format, inputs);
  const size_t each = inputs_per_group(format), column = output % PANEL;
  for (size_t i = 0; i < inputs; i++) {
    const uint32_t word = panel[scale_words(format) + i / each * PANEL + column];
    if (format == ILLMREC_PACKED_BFLOAT16) {
      out[i] = float_of_bfloat16((uint16_t)(word >> i % 2 * 16));
    } else {
      float scale;
      memcpy(&scale, &panel[column], sizeof scale);
      out[i] = (float)((int32_t)(word >> i % 4 * 8 & 255) - 128) * scale;
    }
  }
}
