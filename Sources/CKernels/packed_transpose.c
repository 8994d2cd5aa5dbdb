// SPDX-License-Identifier: Apache-2.0

#include <string.h>

#include "illmrec_cpu.h"
#include "packed.h"

// Sixteen groups of a panel hold 32 inputs of 32 outputs: 16 x 16 squares of two inputs and two outputs, 64 bits each. The
// transposed matrix has the same squares with rows and columns exchanged, and the middle two elements of each.

enum { SQUARES = PANEL / 2 };

INLINED uint64_t exchange_middle(uint64_t square) {
  return (square & 0xffff00000000ffff) | (square >> 16 & 0xffff0000) | (square & 0xffff0000) << 16;
}

// Groups of the source that do not exist count as zeros; groups of the result that do not exist are left out.
DISPATCHED static void transpose_squares(const uint32_t *from, size_t from_groups, uint32_t *to, size_t to_groups) {
  uint64_t squares[SQUARES][SQUARES] = {0};
  for (size_t g = 0; g < from_groups; g++) {
    for (size_t s = 0; s < SQUARES; s++) {
      uint64_t square;
      memcpy(&square, from + g * PANEL + 2 * s, sizeof square);
      squares[s][g] = exchange_middle(square);
    }
  }
  memcpy(to, squares, to_groups * sizeof squares[0]);
}

void transpose_panel(const uint32_t *packed, size_t outputs, size_t inputs, size_t panel, uint32_t *out) {
  const size_t from_words = panel_words(ILLMREC_PACKED_BFLOAT16, inputs);
  const size_t first_group = panel * SQUARES, from_left = groups_of(ILLMREC_PACKED_BFLOAT16, inputs) - first_group;
  const size_t from_groups = from_left < SQUARES ? from_left : SQUARES;
  const size_t groups = groups_of(ILLMREC_PACKED_BFLOAT16, outputs);
  for (size_t g = 0; g < groups; g += SQUARES) {
    transpose_squares(packed + g / SQUARES * from_words + first_group * PANEL, from_groups, out + g * PANEL,
                      groups - g < SQUARES ? groups - g : SQUARES);
  }
}
