#include <math.h>
#include <string.h>

#include "bfloat16.h"
#include "dispatch.h"
#include "packed.h"

// Words that are made row by row before they go to their lanes: the whole slab's stay in the first-level cache.
enum { CHUNK = 64, LANES_MAX = 16 };

// Adding 1.5 * 2^23 rounds to the nearest integer, which the sum's lowest bits then hold.
INLINED int32_t nearest_integer(float value) {
  float shifted = value + 0x1.8p+23f;
  int32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  return bits - 0x4b400000;
}

DISPATCHED void measure_row(const float *x, size_t inputs, float *scale, float *inverse_scale, int32_t *sum) {
  // As integers, magnitudes compare as they do as floats, and whatever is not finite is larger than what is.
  int32_t largest = 0;
  for (size_t i = 0; i < inputs; i++) {
    int32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    bits &= 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  float magnitude;
  memcpy(&magnitude, &largest, sizeof magnitude);
  // Below, the inverse would not be finite; such values are as good as zero.
  float inverse = magnitude > 1e-30f && largest < 0x7f800000 ? 127.0f / magnitude : 0.0f;
  int32_t total = 0;
  if (inverse > 0) {
    for (size_t i = 0; i < inputs; i++) total += nearest_integer(x[i] * inverse);
  }
  *scale = largest < 0x7f800000 ? magnitude / 127.0f : NAN;
  *inverse_scale = inverse;
  *sum = total;
}

// The words of one row for `count` inputs, all of which exist.
DISPATCHED static void bfloat16_words(const float *x, size_t count, uint16_t *out) {
  for (size_t i = 0; i < count; i++) out[i] = bfloat16_of_float(x[i]);
}

DISPATCHED static void int8_words(const float *x, float inverse_scale, size_t count, int8_t *out) {
  for (size_t i = 0; i < count; i++) out[i] = (int8_t)nearest_integer(x[i] * inverse_scale);
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
        int8_words(x, source->inverse_scales[row], count, (int8_t *)out);
      }
      return;
  }
}

static size_t inputs_per_word(packed_row_format format) {
  return format == ROWS_FLOAT32 ? 1 : format == ROWS_BFLOAT16 ? 2 : 4;
}

DISPATCHED static void spread(const uint32_t *words, size_t rows, size_t count, size_t lanes, uint32_t *out) {
  for (size_t w = 0; w < count; w++) {
    for (size_t r = 0; r < rows; r++) out[w * lanes + r] = words[r * CHUNK + w];
  }
}

void pack_rows(const row_source *source, size_t begin, size_t count, uint32_t *out) {
  const size_t each = inputs_per_word(source->format);
  const size_t first_word = begin * words_per_group(source->format), words = count * words_per_group(source->format);
  uint32_t chunk[LANES_MAX * CHUNK];
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
