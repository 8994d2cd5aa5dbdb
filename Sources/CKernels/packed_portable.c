// SPDX-License-Identifier: Apache-2.0

#include <string.h>

#include "half_floats.h"
#include "packed.h"

enum { ROWS_MAX = 4, LANES = 4 };

static void write_row(const packed_tile *tile, size_t row, const float *sums) {
  float *y = tile->y + row * tile->y_stride;
  for (size_t c = 0; c < tile->columns; c++) {
    float sum = sums[c];
    if (tile->bias != NULL) sum += tile->bias[c];
    y[c] = tile->adds ? y[c] + sum : sum;
  }
}

static void multiply_widened(const packed_tile *tile) {
  for (size_t r = 0; r < tile->row_count; r++) {
    const float *x = (const float *)tile->rows + r;
    float sums[PANEL] = {0};
    for (size_t g = 0; g < tile->groups; g++, x += 2 * LANES) {
      const uint32_t *words = tile->panel + g * PANEL;
      for (size_t c = 0; c < PANEL; c++) {
        sums[c] += x[0] * float_of_bfloat16((uint16_t)words[c]);
        sums[c] += x[LANES] * float_of_bfloat16((uint16_t)(words[c] >> 16));
      }
    }
    write_row(tile, r, sums);
  }
}

static void multiply_float32(const packed_tile *tile) {
  for (size_t r = 0; r < tile->row_count; r++) {
    const float *x = (const float *)tile->rows + r, *panel = (const float *)tile->panel;
    float sums[PANEL] = {0};
    for (size_t g = 0; g < tile->groups; g++, x += LANES, panel += PANEL) {
      for (size_t c = 0; c < PANEL; c++) sums[c] += x[0] * panel[c];
    }
    write_row(tile, r, sums);
  }
}

static int32_t product_of_fours(uint32_t weights, uint32_t four) {
  int32_t sum = 0;
  for (int byte = 0; byte < 32; byte += 8) sum += ((int32_t)(weights >> byte & 255) - 128) * (int8_t)(four >> byte);
  return sum;
}

static void multiply_int8(const packed_tile *tile) {
  for (size_t r = 0; r < tile->row_count; r++) {
    int32_t sums[PANEL] = {0};
    for (size_t g = 0; g < tile->groups; g++) {
      const uint32_t *words = tile->panel + g * PANEL;
      for (size_t c = 0; c < PANEL; c++) sums[c] += product_of_fours(words[c], tile->rows[g * LANES + r]);
    }
    float values[PANEL];
    for (size_t c = 0; c < PANEL; c++) values[c] = (float)sums[c] * (tile->row_scales[r] * tile->scales[c]);
    write_row(tile, r, values);
  }
}

const packed_path packed_widened_portable = {ROWS_FLOAT32, ROWS_MAX, LANES, multiply_widened};
const packed_path packed_float32_portable = {ROWS_FLOAT32, ROWS_MAX, LANES, multiply_float32};
const packed_path packed_int8_portable = {ROWS_INT8, ROWS_MAX, LANES, multiply_int8};
