// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// An image file that a library has written, for good.
typedef struct {
  uint8_t *bytes;
  size_t count;
} seed_file;

/// A JPEG of `side` times `side` pixels of 1, 3 or 4 components; `restarts`: MCUs between restart markers, 0 for none.
seed_file seed_jpeg(const uint8_t *pixels, int side, int components, bool is_progressive, int restarts);

/// A PNG of RGB pixels.
seed_file seed_png(const uint8_t *pixels, int width, int height, bool is_interlaced);

/// A WebP file of RGB pixels.
seed_file seed_webp(const uint8_t *pixels, int width, int height, bool is_lossless);

/// A GIF of `side` times `side` gray pixels, whose codes are the pixels alone.
seed_file seed_gif(const uint8_t *pixels, int side, bool is_interlaced);

/// A BMP of `side` times `side` pixels, whose rows or run lengths are `pixels` as they are.
seed_file seed_bmp(const uint8_t *pixels, int side, int bits, int compression);

/// A TIFF of `side` times `side` pixels of RGB, or of one bit where the compression is for these; without bytes where libtiff
/// does not write that.
seed_file seed_tiff(const uint8_t *pixels, int side, int compression, bool is_tiled, bool is_planar, bool is_turned);
