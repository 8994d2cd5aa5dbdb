// SPDX-License-Identifier: Apache-2.0

#include <math.h>
#include <string.h>

#include "half_floats.h"
#include "illmrec_cpu.h"
#include "int8_steps.h"
#include "packed.h"

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

static size_t inputs_per_word(packed_row_format format) {
  return format == ROWS_FLOAT32 ? 1 : format == ROWS_BFLOAT16 ? 2 : 4;
}

typedef uint32_t u32x16 __attribute__((vector_size(64), aligned(4)));

// One step of a transposition: blocks of `side` lanes change places between rows that are `side` apart.
#define SWAP_BLOCKS(rows, i, side, low, high)                          \
  do {                                                                 \
    const u32x16 first = rows[i], second = rows[(i) + (side)];         \
    rows[i] = __builtin_shufflevector(first, second, low);             \
    rows[(i) + (side)] = __builtin_shufflevector(first, second, high); \
  } while (0)
#define LOW_8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define HIGH_8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define LOW_4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define HIGH_4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define LOW_2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define HIGH_2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define LOW_1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define HIGH_1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31

// Sixteen words of sixteen rows to sixteen lanes.
INLINED void transpose(const uint32_t *words, uint32_t *out) {
  u32x16 rows[16];
  UNROLLED for (int r = 0; r < 16; r++) rows[r] = *(const u32x16 *)(words + r * CHUNK);
  UNROLLED for (int i = 0; i < 8; i++) SWAP_BLOCKS(rows, i, 8, LOW_8, HIGH_8);
  UNROLLED for (int i = 0; i < 16; i++) {
    if ((i & 4) == 0) SWAP_BLOCKS(rows, i, 4, LOW_4, HIGH_4);
  }
  UNROLLED for (int i = 0; i < 16; i++) {
    if ((i & 2) == 0) SWAP_BLOCKS(rows, i, 2, LOW_2, HIGH_2);
  }
  UNROLLED for (int i = 0; i < 16; i += 2) SWAP_BLOCKS(rows, i, 1, LOW_1, HIGH_1);
  UNROLLED for (int r = 0; r < 16; r++) { *(u32x16 *)(out + r * 16) = rows[r]; }
}

// Word w of row r to out[w, r].
DISPATCHED static void spread(const uint32_t *words, size_t rows, size_t count, size_t lanes, uint32_t *out) {
  size_t w = 0;
  if (lanes == 16) {
    for (; w + 16 <= count; w += 16) transpose(words + w, out + w * lanes);
  }
  for (; w < count; w++) {
    for (size_t r = 0; r < rows; r++) out[w * lanes + r] = words[r * CHUNK + w];
  }
}

void pack_rows(const row_source *source, size_t begin, size_t count, uint32_t *out) {
  const size_t each = inputs_per_word(source->format);
  const size_t first_word = begin * words_per_group(source->format), words = count * words_per_group(source->format);
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
