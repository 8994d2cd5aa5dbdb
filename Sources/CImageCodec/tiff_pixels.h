// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <tiffio.h>

#include "reader.h"

/// How a TIFF's pixels become R G B.
typedef enum {
  ILLMREC_TIFF_GRAY,
  ILLMREC_TIFF_PALETTE,
  ILLMREC_TIFF_RGB,
  ILLMREC_TIFF_CMYK,
  /// libtiff does it, for a whole image.
  ILLMREC_TIFF_CONVERTED,
} illmrec_tiff_kind;

typedef struct {
  illmrec_tiff_kind kind;
  /// Of a sample.
  int bits;
  /// Of a pixel, and how many of them are looked at.
  int samples, channels;
  int is_signed, is_float;
  /// White is 0; of up to 8 bits.
  int is_inverted;
  int is_premultiplied;
  /// R G B of each value of a gray or palette sample of up to 8 bits.
  uint8_t colors[256][3];
} illmrec_tiff_pixels;

/// Finds out from the tags of `tiff`, or says why its pixels are not read.
illmrec_image_status illmrec_tiff_pixels_of(TIFF *tiff, illmrec_tiff_pixels *pixels, illmrec_image_result *result);

/// Converts `columns` pixels as libtiff gives them: samples of more than 8 bits in the machine's order of bytes.
void illmrec_tiff_to_rgb(const illmrec_tiff_pixels *pixels, const uint8_t *samples, int32_t columns, uint8_t *rgb);
