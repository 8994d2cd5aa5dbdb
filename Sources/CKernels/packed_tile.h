// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "packed.h"

// A tile's sums must be registers, so its product is compiled once for each number of rows.

#define TILE_CASE(body, rows) \
  case rows:                  \
    body(tile, rows);         \
    return;

// clang-format off
#define TILES_TO_6(body)                                                                                   \
  TILE_CASE(body, 1) TILE_CASE(body, 2) TILE_CASE(body, 3) TILE_CASE(body, 4) TILE_CASE(body, 5) TILE_CASE(body, 6)
#define TILES_TO_14(body)                                                                                  \
  TILES_TO_6(body)                                                                                         \
  TILE_CASE(body, 7) TILE_CASE(body, 8) TILE_CASE(body, 9) TILE_CASE(body, 10) TILE_CASE(body, 11)         \
  TILE_CASE(body, 12) TILE_CASE(body, 13) TILE_CASE(body, 14)
// clang-format on

/// Defines the `multiply` of a path, named `name`: `tiles` is TILES_TO_…(body), and body(tile, rows) is inlined.
#define DEFINE_MULTIPLY(name, TARGET, tiles)         \
  TARGET static void name(const packed_tile *tile) { \
    switch (tile->row_count) { tiles }               \
  }
