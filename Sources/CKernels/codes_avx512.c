// SPDX-License-Identifier: Apache-2.0

#include "codes.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum {
  VECTORS = PANEL_ROWS / 16,
  // Queries of a block: 4 vectors of rows · 3 queries · 2 bytes are 24 sums of the 32 registers.
  WIDTH = 3,
  // Bytes that are fetched ahead; the best of those measured on an Emerald Rapids.
  AHEAD = 4096,
};

// The instruction takes signed bytes: an integer of the query goes through as its upper and its lower part, which are put
// together at the end, modulo 2^32 as everything is.
INLINED TARGET_AVX512_VNNI void bound(const code_panel *panel, const uint32_t *words, size_t stride,
                                      const code_query *queries, panel_bounds *bounds, const int width) {
  __m512i high[WIDTH][VECTORS], low[WIDTH][VECTORS];
  UNROLLED for (int q = 0; q < width; q++) {
    UNROLLED for (int v = 0; v < VECTORS; v++) high[q][v] = low[q][v] = _mm512_setzero_si512();
  }
  const uint8_t *codes = panel->bytes;
  for (size_t g = 0; g < panel->groups; g++, codes += PANEL_ROWS * GROUP, words += QUERY_WORDS) {
    UNROLLED for (int v = 0; v < VECTORS; v++) {
      __builtin_prefetch(codes + AHEAD + 64 * v);
      const __m512i four = _mm512_load_si512(codes + 64 * v);
      UNROLLED for (int q = 0; q < width; q++) {
        const uint32_t *word = words + (size_t)q * stride;
        high[q][v] = _mm512_dpbusd_epi32(high[q][v], four, _mm512_set1_epi32((int)word[0]));
        low[q][v] = _mm512_dpbusd_epi32(low[q][v], four, _mm512_set1_epi32((int)word[1]));
      }
    }
  }
  UNROLLED for (int q = 0; q < width; q++) {
    uint32_t sums[PANEL_ROWS];
    UNROLLED for (int v = 0; v < VECTORS; v++) {
      _mm512_storeu_si512(sums + 16 * v, _mm512_add_epi32(_mm512_slli_epi32(high[q][v], 7), low[q][v]));
    }
    bounds_of_sums(panel, sums, queries + q, bounds + q);
  }
}

TARGET_AVX512_VNNI static void bound_one(const code_panel *panel, const uint32_t *words, size_t stride,
                                         const code_query *queries, panel_bounds *bounds) {
  bound(panel, words, stride, queries, bounds, 1);
}

TARGET_AVX512_VNNI static void bound_block(const code_panel *panel, const uint32_t *words, size_t stride,
                                           const code_query *queries, panel_bounds *bounds) {
  bound(panel, words, stride, queries, bounds, WIDTH);
}

TARGET_AVX512_VNNI static uint64_t rows_at_least(const float upper[PANEL_ROWS], float threshold) {
  uint64_t rows = 0;
  UNROLLED for (int v = 0; v < VECTORS; v++) {
    const __mmask16 passes = _mm512_cmp_ps_mask(_mm512_loadu_ps(upper + 16 * v), _mm512_set1_ps(threshold), _CMP_GE_OQ);
    rows |= (uint64_t)passes << (16 * v);
  }
  return rows;
}

const code_kernel code_kernel_avx512 = {.format = WORDS_OF_BYTES,
                                        .bound_one = bound_one,
                                        .bound_block = bound_block,
                                        .width = WIDTH,
                                        .rows_at_least = rows_at_least};

#endif
