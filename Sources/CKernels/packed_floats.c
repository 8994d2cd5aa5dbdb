// SPDX-License-Identifier: Apache-2.0

#include <string.h>

#include "packed.h"
#include "words_transpose.h"

enum { HALF = PANEL / 2 };

// Sixteen outputs' rows to sixteen lanes of the panel.
DISPATCHED static void transpose_half(const uint32_t *rows, size_t inputs, uint32_t *out) {
  size_t i = 0;
  for (; i + HALF <= inputs; i += HALF) transpose_words_16(rows + i, inputs, out + i * PANEL, PANEL);
  for (; i < inputs; i++) {
    for (size_t o = 0; o < HALF; o++) out[i * PANEL + o] = rows[o * inputs + i];
  }
}

// Fewer outputs than sixteen, perhaps none: zeros fill the lanes.
static void transpose_rest(const uint32_t *rows, size_t outputs, size_t inputs, uint32_t *out) {
  for (size_t i = 0; i < inputs; i++) {
    for (size_t o = 0; o < HALF; o++) out[i * PANEL + o] = o < outputs ? rows[o * inputs + i] : 0;
  }
}

void pack_float_panel(const float *weight, size_t outputs, size_t inputs, size_t panel, uint32_t *out) {
  for (size_t half = 0; half < PANEL; half += HALF) {
    const size_t output = panel * PANEL + half, left = outputs > output ? outputs - output : 0;
    const uint32_t *rows = (const uint32_t *)weight + (left > 0 ? output * inputs : 0);
    if (left >= HALF) {
      transpose_half(rows, inputs, out + half);
    } else {
      transpose_rest(rows, left, inputs, out + half);
    }
  }
}
