// SPDX-License-Identifier: Apache-2.0

#include <math.h>
#include <string.h>

#include "half_floats.h"
#include "illmrec_cpu.h"
#include "int8_steps.h"
#include "packed.h"
#include "words_transpose.h"

// Words that are made row by row before they go to their lanes: the whole slab's stay in the first-level cache.
enum { CHUNK = 64, LANES_MAX = 16 };

DISPATCHED void measure_row(const float *x, size_t inputs, float *scale, float *inverse_scale) {
  uint32_t largest = largest_magnitude(x, inputs);
  float magnitude = float_of_bits(largest);
  // Below, the inverse would not be finite; such values are as good as zero.
  *inverse_scale = magnitude > 1e-30f && largest < 0x7f800000 ? 127.0f / magnitude : 0.0f;
  *scale = largest < 0x7f800000 ? magnitude / 127.0f : NAN;
}

// The words of one row for `count` inputs, all of which exist.
DISPATCHED static void bfloat16_words(const float *x, size_t count, uint16_t *out) {
  for (size_t i = 0; i < count; i++) out[i] = bfloat16_of_float(x[i]);
}

// Returns the sum of the integers.
DISPATCHED static int32_t int8_words(const float *x, float inverse_scale, size_t count, int8_t *out) {
  int32_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    int32_t integer = nearest_integer(x[i] * inverse_scale);
    out[i] = (int8_t)integer;
    sum += integer;
  }
  return sum;
}

static void make_words(const row_source *source, size_t row, size_t first, size_t count, uint32_t *out) {
  const float *x = source->x + row * source->x_stride + first;
  switch (source->format) {
    case ROWS_FLOAT32:
      memcpy(out, x, count * sizeof *x);
      return;
    case ROWS_BFLOAT16:
      bfloat16_words(x, count, (uint16_t *)out);
      return;
    case ROWS_INT8:
      // A row that is not finite has no scale: NaN times zero is no integer.
      if (source->inverse_scales[row] == 0) {
        memset(out, 0, count);
      } else {
        source->sums[row] += int8_words(x, source->inverse_scales[row], count, (int8_t *)out);
      }
      return;
  }
}

// Word w of row r to out[w, r].
DISPATCHED static void spread(const uint32_t *words, size_t rows, size_t count, size_t lanes, uint32_t *out) {
  size_t w = 0;
  if (lanes == 16) {
    for (; w + 16 <= count; w += 16) transpose_words_16(words + w, CHUNK, out + w * lanes, lanes);
  } else if (lanes == 8) {
    for (; w + 8 <= count; w += 8) transpose_words_8(words + w, CHUNK, out + w * lanes, lanes);
  }
  for (; w < count; w++) {
    for (size_t r = 0; r < rows; r++) out[w * lanes + r] = words[r * CHUNK + w];
  }
}

void pack_rows(const row_source *source, size_t begin, size_t count, uint32_t *out) {
  const size_t each = inputs_per_word(source->format);
  const size_t first_word = begin * source->words_per_group, words = count * source->words_per_group;
  // Rows that are not there are moved with the others, into lanes that nobody reads.
  uint32_t chunk[LANES_MAX * CHUNK] = {0};
  for (size_t done = 0; done < words; done += CHUNK) {
    const size_t part = words - done < CHUNK ? words - done : CHUNK;
    const size_t first = (first_word + done) * each;
    const size_t left = first < source->inputs ? source->inputs - first : 0;
    const size_t inputs = left < part * each ? left : part * each;
    for (size_t r = 0; r < source->row_count; r++) {
      if (inputs < part * each) memset(chunk + r * CHUNK, 0, part * sizeof *chunk);
      make_words(source, r, first, inputs, chunk + r * CHUNK);
    }
    spread(chunk, source->row_count, part, source->lanes, out + done * source->lanes);
  }
}
