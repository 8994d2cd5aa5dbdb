// SPDX-License-Identifier: Apache-2.0

#include "blocks.h"
#include "half_floats.h"
#include "illmrec_cpu.h"

// Every product below has at most 24 significant bits, so that it is exact, and a sum is rounded once: with fused multiplication or
// without, these are the numbers of ggml's dequantize_row functions to the bit.

INLINED float half_at(const uint8_t *x) { return float_of_float16((uint16_t)(x[0] | x[1] << 8)); }

// 32 elements: a scale, then signed bytes.
INLINED void from_q8_0(const uint8_t *x, float *out) {
  float scale = half_at(x);
  for (size_t i = 0; i < 32; i++) out[i] = (float)(int8_t)x[2 + i] * scale;
}

// 32 elements: a scale, then nibbles, of which the lower ones are the first half.
INLINED void from_q4_0(const uint8_t *x, float *out) {
  float scale = half_at(x);
  for (size_t i = 0; i < 16; i++) {
    out[i] = (float)((int)(x[2 + i] & 15) - 8) * scale;
    out[i + 16] = (float)((int)(x[2 + i] >> 4) - 8) * scale;
  }
}

// As the former, with a smallest value instead of a middle.
INLINED void from_q4_1(const uint8_t *x, float *out) {
  float scale = half_at(x), least = half_at(x + 2);
  for (size_t i = 0; i < 16; i++) {
    out[i] = (float)(x[4 + i] & 15) * scale + least;
    out[i + 16] = (float)(x[4 + i] >> 4) * scale + least;
  }
}

// Scale and smallest value of the block's eight parts, in 6 bits each: of the first four they stand in the lower bits of their bytes,
// of the others in nibbles of the last four bytes and in the upper bits of the first eight.
INLINED void part_of_q4_k(const uint8_t *packed, size_t part, int *scale, int *least) {
  if (part < 4) {
    *scale = packed[part] & 63;
    *least = packed[part + 4] & 63;
  } else {
    *scale = (packed[part + 4] & 15) | (packed[part - 4] >> 6) << 4;
    *least = packed[part + 4] >> 4 | (packed[part] >> 6) << 4;
  }
}

// 256 elements in eight parts: a scale of the scales and one of the smallest values, these, then nibbles: two parts share 32 bytes.
INLINED void from_q4_k(const uint8_t *x, float *out) {
  float scale_of_scales = half_at(x), scale_of_least = half_at(x + 2);
  for (size_t part = 0; part < 8; part++) {
    int scale_code, least_code;
    part_of_q4_k(x + 4, part, &scale_code, &least_code);
    float scale = scale_of_scales * (float)scale_code, least = scale_of_least * (float)least_code;
    const uint8_t *codes = x + 16 + part / 2 * 32;
    int shift = part % 2 ? 4 : 0;
    for (size_t i = 0; i < 32; i++) out[part * 32 + i] = scale * (float)(codes[i] >> shift & 15) - least;
  }
}

// 256 elements in two halves of four quarters: lower nibbles, upper pairs of bits, a signed scale for every 16 elements, and at the
// end the scale of the scales.
INLINED void from_q6_k(const uint8_t *x, float *out) {
  float scale_of_scales = half_at(x + 208);
  for (size_t half = 0; half < 2; half++) {
    const uint8_t *low = x + half * 64, *high = x + 128 + half * 32;
    const int8_t *scales = (const int8_t *)x + 192 + half * 8;
    for (size_t quarter = 0; quarter < 4; quarter++) {
      const uint8_t *nibbles = low + quarter % 2 * 32;
      int low_shift = quarter < 2 ? 0 : 4, high_shift = 2 * (int)quarter;
      for (size_t i = 0; i < 32; i++) {
        int code = (nibbles[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4;
        float scale = scale_of_scales * (float)scales[quarter * 2 + i / 16];
        out[half * 128 + quarter * 32 + i] = scale * (float)(code - 32);
      }
    }
  }
}

typedef struct {
  illmrec_block_format format;
  const uint8_t *x;
  float *out;
} block_widening;

#define EACH_BLOCK(widen, bytes, elements) \
  for (size_t b = begin; b < end; b++) widen(w->x + b * (bytes), w->out + b * (elements))

DISPATCHED static void widen_blocks(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const block_widening *w = context;
  switch (w->format) {
    case ILLMREC_BLOCKS_Q8_0:
      EACH_BLOCK(from_q8_0, 34, 32);
      break;
    case ILLMREC_BLOCKS_Q4_0:
      EACH_BLOCK(from_q4_0, 18, 32);
      break;
    case ILLMREC_BLOCKS_Q4_1:
      EACH_BLOCK(from_q4_1, 20, 32);
      break;
    case ILLMREC_BLOCKS_Q4_K:
      EACH_BLOCK(from_q4_k, 144, 256);
      break;
    case ILLMREC_BLOCKS_Q6_K:
      EACH_BLOCK(from_q6_k, 210, 256);
      break;
  }
}

void illmrec_from_blocks(illmrec_team *team, illmrec_block_format format, const void *x, size_t blocks, float *out) {
  block_widening w = {.format = format, .x = x, .out = out};
  illmrec_team_run(team, blocks, ELEMENTS_PER_BLOCK / 32, widen_blocks, &w);
}
