// SPDX-License-Identifier: Apache-2.0

#include "packed_tile.h"

#if defined(__x86_64__)

#include <immintrin.h>

// Tiles of 14 rows and 32 outputs: 28 sums, two vectors of weights and the row's element in the 32 registers. The
// weights of a panel stream from the second-level cache, and so do the rows when there are many: both are fetched ahead,
// and what is multiplied next comes from memory into that cache meanwhile.

enum {
  ROWS_MAX = 14,
  LANES = 16,
  // Bytes ahead; the best of those measured at 256 rows on an Emerald Rapids.
  PANEL_AHEAD = 2048,
  ROWS_AHEAD = 1024,
};

#define FETCH_AHEAD(panel, rows, next)                            \
  do {                                                            \
    __builtin_prefetch((const char *)(panel) + PANEL_AHEAD);      \
    __builtin_prefetch((const char *)(panel) + PANEL_AHEAD + 64); \
    __builtin_prefetch((const char *)(rows) + ROWS_AHEAD);        \
    __builtin_prefetch(next, 0, 2);                               \
  } while (0)

// Adds what comes on top of the sums and writes one row of the tile.
INLINED TARGET_AVX512 void write_row(const packed_tile *tile, size_t row, __mmask16 first, __mmask16 second, __m512 low,
                                     __m512 high) {
  float *y = tile->y + row * tile->y_stride;
  if (tile->bias != NULL) {
    low = _mm512_add_ps(low, _mm512_maskz_loadu_ps(first, tile->bias));
    high = _mm512_add_ps(high, _mm512_maskz_loadu_ps(second, tile->bias + 16));
  }
  if (tile->adds) {
    low = _mm512_add_ps(low, _mm512_maskz_loadu_ps(first, y));
    high = _mm512_add_ps(high, _mm512_maskz_loadu_ps(second, y + 16));
  }
  _mm512_mask_storeu_ps(y, first, low);
  _mm512_mask_storeu_ps(y + 16, second, high);
}

INLINED __mmask16 mask_of(size_t columns) { return columns >= 16 ? 0xffff : (__mmask16)((1u << columns) - 1); }

#define MASKS(tile)                                 \
  const __mmask16 first = mask_of((tile)->columns); \
  const __mmask16 second = (tile)->columns > 16 ? mask_of((tile)->columns - 16) : 0

INLINED TARGET_AVX512 void multiply_widened(const packed_tile *tile, const int rows) {
  __m512 sums[ROWS_MAX][2];
  UNROLLED for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  const float *x = (const float *)tile->rows;
  const uint32_t *panel = tile->panel, *next = tile->next;
  const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
  for (size_t g = 0; g < tile->groups; g++, x += 2 * LANES, panel += PANEL, next += PANEL / 2) {
    FETCH_AHEAD(panel, x, next);
    __builtin_prefetch((const char *)x + ROWS_AHEAD + 64);
    __m512 low = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_load_si512(panel), 16));
    __m512 high = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_load_si512(panel + 16), 16));
    UNROLLED for (int r = 0; r < rows; r++) {
      const __m512 element = _mm512_set1_ps(x[r]);
      sums[r][0] = _mm512_fmadd_ps(element, low, sums[r][0]);
      sums[r][1] = _mm512_fmadd_ps(element, high, sums[r][1]);
    }
    low = _mm512_castsi512_ps(_mm512_and_si512(upper, _mm512_load_si512(panel)));
    high = _mm512_castsi512_ps(_mm512_and_si512(upper, _mm512_load_si512(panel + 16)));
    UNROLLED for (int r = 0; r < rows; r++) {
      const __m512 element = _mm512_set1_ps(x[LANES + r]);
      sums[r][0] = _mm512_fmadd_ps(element, low, sums[r][0]);
      sums[r][1] = _mm512_fmadd_ps(element, high, sums[r][1]);
    }
  }
  MASKS(tile);
  UNROLLED for (int r = 0; r < rows; r++) write_row(tile, (size_t)r, first, second, sums[r][0], sums[r][1]);
}

INLINED TARGET_AVX512 void multiply_float32(const packed_tile *tile, const int rows) {
  __m512 sums[ROWS_MAX][2];
  UNROLLED for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  const float *x = (const float *)tile->rows, *panel = (const float *)tile->panel;
  const uint32_t *next = tile->next;
  for (size_t g = 0; g < tile->groups; g++, x += LANES, panel += PANEL, next += PANEL / 2) {
    FETCH_AHEAD(panel, x, next);
    const __m512 low = _mm512_load_ps(panel), high = _mm512_load_ps(panel + 16);
    UNROLLED for (int r = 0; r < rows; r++) {
      const __m512 element = _mm512_set1_ps(x[r]);
      sums[r][0] = _mm512_fmadd_ps(element, low, sums[r][0]);
      sums[r][1] = _mm512_fmadd_ps(element, high, sums[r][1]);
    }
  }
  MASKS(tile);
  UNROLLED for (int r = 0; r < rows; r++) write_row(tile, (size_t)r, first, second, sums[r][0], sums[r][1]);
}

INLINED TARGET_AVX512_BF16 void multiply_native(const packed_tile *tile, const int rows) {
  __m512 sums[ROWS_MAX][2];
  UNROLLED for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  const uint32_t *x = tile->rows, *panel = tile->panel, *next = tile->next;
  for (size_t g = 0; g < tile->groups; g++, x += LANES, panel += PANEL, next += PANEL / 2) {
    FETCH_AHEAD(panel, x, next);
    const __m512bh low = (__m512bh)_mm512_load_si512(panel), high = (__m512bh)_mm512_load_si512(panel + 16);
    UNROLLED for (int r = 0; r < rows; r++) {
      const __m512bh pair = (__m512bh)_mm512_set1_epi32((int)x[r]);
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], low, pair);
      sums[r][1] = _mm512_dpbf16_ps(sums[r][1], high, pair);
    }
  }
  MASKS(tile);
  UNROLLED for (int r = 0; r < rows; r++) write_row(tile, (size_t)r, first, second, sums[r][0], sums[r][1]);
}

// The instruction multiplies unsigned by signed: weights are stored plus 128, which adds 128 times the row's sum.
INLINED TARGET_AVX512_VNNI void multiply_int8(const packed_tile *tile, const int rows) {
  __m512i sums[ROWS_MAX][2];
  UNROLLED for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = _mm512_set1_epi32(-128 * tile->row_sums[r]);
  const uint32_t *x = tile->rows, *panel = tile->panel, *next = tile->next;
  for (size_t g = 0; g < tile->groups; g++, x += LANES, panel += PANEL, next += PANEL / 2) {
    FETCH_AHEAD(panel, x, next);
    const __m512i low = _mm512_load_si512(panel), high = _mm512_load_si512(panel + 16);
    UNROLLED for (int r = 0; r < rows; r++) {
      const __m512i four = _mm512_set1_epi32((int)x[r]);
      sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], low, four);
      sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], high, four);
    }
  }
  MASKS(tile);
  const __m512 low_scale = _mm512_loadu_ps(tile->scales), high_scale = _mm512_loadu_ps(tile->scales + 16);
  UNROLLED for (int r = 0; r < rows; r++) {
    const __m512 scale = _mm512_set1_ps(tile->row_scales[r]);
    write_row(tile, (size_t)r, first, second,
              _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][0]), _mm512_mul_ps(scale, low_scale)),
              _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][1]), _mm512_mul_ps(scale, high_scale)));
  }
}

DEFINE_MULTIPLY(widened, TARGET_AVX512, TILES_TO_14(multiply_widened))
DEFINE_MULTIPLY(float32, TARGET_AVX512, TILES_TO_14(multiply_float32))
DEFINE_MULTIPLY(native, TARGET_AVX512_BF16, TILES_TO_14(multiply_native))
DEFINE_MULTIPLY(int8, TARGET_AVX512_VNNI, TILES_TO_14(multiply_int8))

const packed_path packed_widened_avx512 = {ROWS_FLOAT32, ROWS_MAX, LANES, widened};
const packed_path packed_float32_avx512 = {ROWS_FLOAT32, ROWS_MAX, LANES, float32};
const packed_path packed_native_avx512 = {ROWS_BFLOAT16, ROWS_MAX, LANES, native};
const packed_path packed_int8_avx512 = {ROWS_INT8, ROWS_MAX, LANES, int8};

#endif
