// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "illmrec_cpu.h"

typedef uint32_t u32x8 __attribute__((vector_size(32), aligned(4)));
typedef uint32_t u32x16 __attribute__((vector_size(64), aligned(4)));

// One step of a transposition: blocks of `side` lanes change places between rows that are `side` apart.
#define SWAP_BLOCKS(rows, i, side, low, high)                               \
  do {                                                                      \
    const __typeof__(rows[0]) first = rows[i], second = rows[(i) + (side)]; \
    rows[i] = __builtin_shufflevector(first, second, low);                  \
    rows[(i) + (side)] = __builtin_shufflevector(first, second, high);      \
  } while (0)
#define LOW_8_OF_16 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define HIGH_8_OF_16 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define LOW_4_OF_16 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define HIGH_4_OF_16 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define LOW_2_OF_16 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define HIGH_2_OF_16 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define LOW_1_OF_16 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define HIGH_1_OF_16 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31

/// Sixteen words of sixteen rows to sixteen lanes: word w of row r to word r of row w.
INLINED void transpose_words_16(const uint32_t *words, size_t stride, uint32_t *out, size_t out_stride) {
  u32x16 rows[16];
  UNROLLED for (int r = 0; r < 16; r++) rows[r] = *(const u32x16 *)(words + (size_t)r * stride);
  UNROLLED for (int i = 0; i < 8; i++) SWAP_BLOCKS(rows, i, 8, LOW_8_OF_16, HIGH_8_OF_16);
  UNROLLED for (int i = 0; i < 16; i++) {
    if ((i & 4) == 0) SWAP_BLOCKS(rows, i, 4, LOW_4_OF_16, HIGH_4_OF_16);
  }
  UNROLLED for (int i = 0; i < 16; i++) {
    if ((i & 2) == 0) SWAP_BLOCKS(rows, i, 2, LOW_2_OF_16, HIGH_2_OF_16);
  }
  UNROLLED for (int i = 0; i < 16; i += 2) SWAP_BLOCKS(rows, i, 1, LOW_1_OF_16, HIGH_1_OF_16);
  UNROLLED for (int r = 0; r < 16; r++) { *(u32x16 *)(out + (size_t)r * out_stride) = rows[r]; }
}

#define LOW_4_OF_8 0, 1, 2, 3, 8, 9, 10, 11
#define HIGH_4_OF_8 4, 5, 6, 7, 12, 13, 14, 15
#define LOW_2_OF_8 0, 1, 8, 9, 4, 5, 12, 13
#define HIGH_2_OF_8 2, 3, 10, 11, 6, 7, 14, 15
#define LOW_1_OF_8 0, 8, 2, 10, 4, 12, 6, 14
#define HIGH_1_OF_8 1, 9, 3, 11, 5, 13, 7, 15

/// Eight words of eight rows to eight lanes.
INLINED void transpose_words_8(const uint32_t *words, size_t stride, uint32_t *out, size_t out_stride) {
  u32x8 rows[8];
  UNROLLED for (int r = 0; r < 8; r++) rows[r] = *(const u32x8 *)(words + (size_t)r * stride);
  UNROLLED for (int i = 0; i < 4; i++) SWAP_BLOCKS(rows, i, 4, LOW_4_OF_8, HIGH_4_OF_8);
  UNROLLED for (int i = 0; i < 8; i++) {
    if ((i & 2) == 0) SWAP_BLOCKS(rows, i, 2, LOW_2_OF_8, HIGH_2_OF_8);
  }
  UNROLLED for (int i = 0; i < 8; i += 2) SWAP_BLOCKS(rows, i, 1, LOW_1_OF_8, HIGH_1_OF_8);
  UNROLLED for (int r = 0; r < 8; r++) { *(u32x8 *)(out + (size_t)r * out_stride) = rows[r]; }
}
