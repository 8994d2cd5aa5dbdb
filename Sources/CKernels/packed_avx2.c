// SPDX-License-Identifier: Apache-2.0

#include "packed_tile.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

// Tiles of 6 rows and half a panel, 16 outputs: 12 sums, two vectors of weights and the row's element in 16 registers.

enum { ROWS_MAX = 6, LANES = 8, HALF = PANEL / 2 };

// Writes one row of half a panel: `columns` of its 16 outputs.
INLINED TARGET_AVX2 void write_row(const packed_tile *tile, size_t row, size_t half, __m256 low, __m256 high) {
  if (tile->columns <= half) return;
  const size_t columns = tile->columns - half < HALF ? tile->columns - half : HALF;
  float *y = tile->y + row * tile->y_stride + half;
  if (columns == HALF) {
    if (tile->bias != NULL) {
      low = _mm256_add_ps(low, _mm256_loadu_ps(tile->bias + half));
      high = _mm256_add_ps(high, _mm256_loadu_ps(tile->bias + half + 8));
    }
    if (tile->adds) {
      low = _mm256_add_ps(_mm256_loadu_ps(y), low);
      high = _mm256_add_ps(_mm256_loadu_ps(y + 8), high);
    }
    _mm256_storeu_ps(y, low);
    _mm256_storeu_ps(y + 8, high);
    return;
  }
  float values[HALF];
  _mm256_storeu_ps(values, low);
  _mm256_storeu_ps(values + 8, high);
  for (size_t c = 0; c < columns; c++) {
    float sum = values[c];
    if (tile->bias != NULL) sum += tile->bias[half + c];
    y[c] = tile->adds ? y[c] + sum : sum;
  }
}

INLINED TARGET_AVX2 __m256i load(const uint32_t *words) { return _mm256_loadu_si256((const __m256i *)words); }

INLINED TARGET_AVX2 void multiply_widened(const packed_tile *tile, size_t half, const int rows) {
  __m256 sums[ROWS_MAX][2];
  UNROLLED for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = _mm256_setzero_ps();
  const float *x = (const float *)tile->rows;
  const uint32_t *panel = tile->panel + half;
  const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
  for (size_t g = 0; g < tile->groups; g++, x += 2 * LANES, panel += PANEL) {
    const __m256i words[2] = {load(panel), load(panel + 8)};
    __m256 low = _mm256_castsi256_ps(_mm256_slli_epi32(words[0], 16));
    __m256 high = _mm256_castsi256_ps(_mm256_slli_epi32(words[1], 16));
    UNROLLED for (int r = 0; r < rows; r++) {
      const __m256 element = _mm256_broadcast_ss(x + r);
      sums[r][0] = _mm256_fmadd_ps(element, low, sums[r][0]);
      sums[r][1] = _mm256_fmadd_ps(element, high, sums[r][1]);
    }
    low = _mm256_castsi256_ps(_mm256_and_si256(upper, words[0]));
    high = _mm256_castsi256_ps(_mm256_and_si256(upper, words[1]));
    UNROLLED for (int r = 0; r < rows; r++) {
      const __m256 element = _mm256_broadcast_ss(x + LANES + r);
      sums[r][0] = _mm256_fmadd_ps(element, low, sums[r][0]);
      sums[r][1] = _mm256_fmadd_ps(element, high, sums[r][1]);
    }
  }
  UNROLLED for (int r = 0; r < rows; r++) write_row(tile, (size_t)r, half, sums[r][0], sums[r][1]);
}

INLINED TARGET_AVX2 void multiply_float32(const packed_tile *tile, size_t half, const int rows) {
  __m256 sums[ROWS_MAX][2];
  UNROLLED for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = _mm256_setzero_ps();
  const float *x = (const float *)tile->rows, *panel = (const float *)tile->panel + half;
  for (size_t g = 0; g < tile->groups; g++, x += LANES, panel += PANEL) {
    const __m256 low = _mm256_loadu_ps(panel), high = _mm256_loadu_ps(panel + 8);
    UNROLLED for (int r = 0; r < rows; r++) {
      const __m256 element = _mm256_broadcast_ss(x + r);
      sums[r][0] = _mm256_fmadd_ps(element, low, sums[r][0]);
      sums[r][1] = _mm256_fmadd_ps(element, high, sums[r][1]);
    }
  }
  UNROLLED for (int r = 0; r < rows; r++) write_row(tile, (size_t)r, half, sums[r][0], sums[r][1]);
}

// Adds the products of four unsigned and four signed bytes to each sum. Without VNNI the bytes go through 16 bits, two by
// two, where no sum of two products overflows.
INLINED TARGET_AVX2 __m256i add_products_16(__m256i sum, __m256i weights, __m256i four) {
  const __m256i bytes = _mm256_set1_epi16(0xff);
  const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(four, 8), 8), odd = _mm256_srai_epi16(four, 8);
  sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_and_si256(weights, bytes), even));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_srli_epi16(weights, 8), odd));
}

INLINED TARGET_AVX_VNNI __m256i add_products_vnni(__m256i sum, __m256i weights, __m256i four) {
  return _mm256_dpbusd_avx_epi32(sum, weights, four);
}

// Weights are stored plus 128, which adds 128 times the row's sum.
#define DEFINE_INT8(name, TARGET, add_products)                                                                        \
  INLINED TARGET void name(const packed_tile *tile, size_t half, const int rows) {                                     \
    __m256i sums[ROWS_MAX][2];                                                                                         \
    UNROLLED for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = _mm256_set1_epi32(-128 * tile->row_sums[r]);     \
    const uint32_t *x = tile->rows, *panel = tile->panel + half;                                                       \
    for (size_t g = 0; g < tile->groups; g++, x += LANES, panel += PANEL) {                                            \
      const __m256i low = load(panel), high = load(panel + 8);                                                         \
      UNROLLED for (int r = 0; r < rows; r++) {                                                                        \
        const __m256i four = _mm256_set1_epi32((int)x[r]);                                                             \
        sums[r][0] = add_products(sums[r][0], low, four);                                                              \
        sums[r][1] = add_products(sums[r][1], high, four);                                                             \
      }                                                                                                                \
    }                                                                                                                  \
    const __m256 low_scale = _mm256_loadu_ps(tile->scales + half);                                                     \
    const __m256 high_scale = _mm256_loadu_ps(tile->scales + half + 8);                                                \
    UNROLLED for (int r = 0; r < rows; r++) {                                                                          \
      const __m256 scale = _mm256_set1_ps(tile->row_scales[r]);                                                        \
      write_row(tile, (size_t)r, half, _mm256_mul_ps(_mm256_cvtepi32_ps(sums[r][0]), _mm256_mul_ps(scale, low_scale)), \
                _mm256_mul_ps(_mm256_cvtepi32_ps(sums[r][1]), _mm256_mul_ps(scale, high_scale)));                      \
    }                                                                                                                  \
  }

DEFINE_INT8(multiply_int8, TARGET_AVX2, add_products_16)
DEFINE_INT8(multiply_vnni, TARGET_AVX_VNNI, add_products_vnni)

// Both halves of a panel.
INLINED TARGET_AVX2 void widened_halves(const packed_tile *tile, const int rows) {
  for (size_t half = 0; half < PANEL; half += HALF) multiply_widened(tile, half, rows);
}

INLINED TARGET_AVX2 void float32_halves(const packed_tile *tile, const int rows) {
  for (size_t half = 0; half < PANEL; half += HALF) multiply_float32(tile, half, rows);
}

INLINED TARGET_AVX2 void int8_halves(const packed_tile *tile, const int rows) {
  for (size_t half = 0; half < PANEL; half += HALF) multiply_int8(tile, half, rows);
}

INLINED TARGET_AVX_VNNI void vnni_halves(const packed_tile *tile, const int rows) {
  for (size_t half = 0; half < PANEL; half += HALF) multiply_vnni(tile, half, rows);
}

DEFINE_MULTIPLY(widened, TARGET_AVX2, TILES_TO_6(widened_halves))
DEFINE_MULTIPLY(float32, TARGET_AVX2, TILES_TO_6(float32_halves))
DEFINE_MULTIPLY(int8, TARGET_AVX2, TILES_TO_6(int8_halves))
DEFINE_MULTIPLY(vnni, TARGET_AVX_VNNI, TILES_TO_6(vnni_halves))

const packed_path packed_widened_avx2 = {ROWS_FLOAT32, ROWS_MAX, LANES, widened};
const packed_path packed_float32_avx2 = {ROWS_FLOAT32, ROWS_MAX, LANES, float32};
const packed_path packed_int8_avx2 = {ROWS_INT8, ROWS_MAX, LANES, int8};
const packed_path packed_int8_avx_vnni = {ROWS_INT8, ROWS_MAX, LANES, vnni};

#endif
