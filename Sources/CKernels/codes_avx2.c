// SPDX-License-Identifier: Apache-2.0

#include "codes.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum { VECTORS = PANEL_ROWS / 8 };

// Bytes go through 16 bits, two by two, against 16-bit integers of the query: 2 · 255 · 16,256 fits 32 bits.
TARGET_AVX2 static void bound(const code_panel *panel, const uint32_t *words, size_t stride, const code_query *queries,
                              panel_bounds *bounds) {
  (void)stride;
  __m256i sums[VECTORS];
  UNROLLED for (int v = 0; v < VECTORS; v++) sums[v] = _mm256_setzero_si256();
  const __m256i even_bytes = _mm256_set1_epi16(0xff);
  const uint8_t *codes = panel->bytes;
  for (size_t g = 0; g < panel->groups; g++, codes += PANEL_ROWS * GROUP, words += QUERY_WORDS) {
    const __m256i even = _mm256_set1_epi32((int)words[0]), odd = _mm256_set1_epi32((int)words[1]);
    UNROLLED for (int v = 0; v < VECTORS; v++) {
      const __m256i four = _mm256_load_si256((const __m256i *)codes + v);
      const __m256i products = _mm256_add_epi32(_mm256_madd_epi16(_mm256_and_si256(four, even_bytes), even),
                                                _mm256_madd_epi16(_mm256_srli_epi16(four, 8), odd));
      sums[v] = _mm256_add_epi32(sums[v], products);
    }
  }
  uint32_t written[PANEL_ROWS];
  UNROLLED for (int v = 0; v < VECTORS; v++) _mm256_storeu_si256((__m256i *)written + v, sums[v]);
  bounds_of_sums(panel, written, queries, bounds);
}

TARGET_AVX2 static uint64_t rows_at_least(const float upper[PANEL_ROWS], float threshold) {
  uint64_t rows = 0;
  UNROLLED for (int v = 0; v < VECTORS; v++) {
    const __m256 passes = _mm256_cmp_ps(_mm256_loadu_ps(upper + 8 * v), _mm256_set1_ps(threshold), _CMP_GE_OQ);
    rows |= (uint64_t)(uint32_t)_mm256_movemask_ps(passes) << (8 * v);
  }
  return rows;
}

const code_kernel code_kernel_avx2 = {
    .format = WORDS_OF_PAIRS, .bound_one = bound, .bound_block = bound, .width = 1, .rows_at_least = rows_at_least};

#endif
