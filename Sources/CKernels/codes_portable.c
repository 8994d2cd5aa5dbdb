// SPDX-License-Identifier: Apache-2.0

#include "codes.h"

// The definition: every product of a code and an integer, added modulo 2^32. The other kernels are tested against it.
static void bound(const code_panel *panel, const uint32_t *words, size_t stride, const code_query *queries,
                  panel_bounds *bounds) {
  (void)stride;
  uint32_t sums[PANEL_ROWS] = {0};
  const uint8_t *codes = panel->bytes;
  for (size_t g = 0; g < panel->groups; g++, codes += PANEL_ROWS * GROUP, words += QUERY_WORDS) {
    const int32_t q0 = (int16_t)words[0], q2 = (int16_t)(words[0] >> 16);
    const int32_t q1 = (int16_t)words[1], q3 = (int16_t)(words[1] >> 16);
    for (int row = 0; row < PANEL_ROWS; row++) {
      const uint8_t *c = codes + row * GROUP;
      sums[row] += (uint32_t)(c[0] * q0 + c[1] * q1 + c[2] * q2 + c[3] * q3);
    }
  }
  bounds_of_sums(panel, sums, queries, bounds);
}

static uint64_t rows_at_least(const float upper[PANEL_ROWS], float threshold) {
  uint64_t rows = 0;
  for (int row = 0; row < PANEL_ROWS; row++) rows |= (uint64_t)(upper[row] >= threshold) << row;
  return rows;
}

const code_kernel code_kernel_portable = {
    .format = WORDS_OF_PAIRS, .bound_one = bound, .bound_block = bound, .width = 1, .rows_at_least = rows_at_least};
