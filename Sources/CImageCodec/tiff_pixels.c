// SPDX-License-Identifier: Apache-2.0

#include "tiff_pixels.h"

#include <string.h>

// Pillow's table of what it reads, and what its `convert("RGB")` makes of it: gray of more than 8 bits and floats end at 255
// and are never scaled, colour of 16 bits keeps its upper 8, alpha is dropped, premultiplied colour is divided by it.

// What is read

static illmrec_image_status refuse(illmrec_image_result *result, const char *what, int value) {
  return illmrec_image_fail(result, ILLMREC_IMAGE_UNSUPPORTED, "it is a TIFF %s %d, which is not decoded", what, value);
}

static illmrec_image_status check_gray(illmrec_tiff_pixels *pixels, int photometric, illmrec_image_result *result) {
  int bits = pixels->bits, is_plain = !pixels->is_signed && !pixels->is_float;
  int is_small = is_plain && (bits == 1 || bits == 2 || bits == 4 || bits == 8);
  int is_wide =
      photometric == PHOTOMETRIC_MINISBLACK &&
      ((pixels->is_signed && (bits == 8 || bits == 16 || bits == 32)) || (is_plain && (bits == 12 || bits == 32)));
  int is_float = pixels->is_float && bits == 32;
  if (!is_small && !is_wide && !is_float && !(is_plain && bits == 16))
    return refuse(result, "of gray samples of bits", bits);
  if (pixels->samples > 1 && (bits != 8 || !is_plain || photometric != PHOTOMETRIC_MINISBLACK)) {
    return refuse(result, "of gray with alpha and samples of bits", bits);
  }
  if (pixels->is_premultiplied) return refuse(result, "of gray that was multiplied by alpha, samples", pixels->samples);
  // Pillow inverts what it keeps in 8 bits.
  pixels->is_inverted = photometric == PHOTOMETRIC_MINISWHITE && is_small;
  pixels->kind = ILLMREC_TIFF_GRAY;
  pixels->channels = 1;
  return ILLMREC_IMAGE_OK;
}

static illmrec_image_status check_palette(illmrec_tiff_pixels *pixels, TIFF *tiff, illmrec_image_result *result) {
  int bits = pixels->bits;
  if ((bits != 1 && bits != 2 && bits != 4 && bits != 8) || pixels->is_signed || pixels->is_float ||
      (pixels->samples > 1 && bits != 8)) {
    return refuse(result, "with a palette and samples of bits", bits);
  }
  uint16_t *red = NULL, *green = NULL, *blue = NULL;
  if (TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue) != 1) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "its palette is missing");
  }
  for (int i = 0; i < 1 << bits; i++) {
    pixels->colors[i][0] = (uint8_t)(red[i] >> 8);
    pixels->colors[i][1] = (uint8_t)(green[i] >> 8);
    pixels->colors[i][2] = (uint8_t)(blue[i] >> 8);
  }
  pixels->kind = ILLMREC_TIFF_PALETTE;
  pixels->channels = 1;
  return ILLMREC_IMAGE_OK;
}

static illmrec_image_status check_color(illmrec_tiff_pixels *pixels, illmrec_tiff_kind kind, int channels,
                                        illmrec_image_result *result) {
  int bits = pixels->bits;
  if ((bits != 8 && bits != 16) || pixels->is_signed || pixels->is_float || pixels->samples < channels) {
    return refuse(result, "of colour in samples of bits", bits);
  }
  pixels->kind = kind;
  pixels->channels = channels;
  // Alpha is behind R G B; of other colours it is dropped as it is.
  pixels->is_premultiplied &= kind == ILLMREC_TIFF_RGB && pixels->samples > channels;
  return ILLMREC_IMAGE_OK;
}

static illmrec_image_status check_ycbcr(illmrec_tiff_pixels *pixels, TIFF *tiff, int compression,
                                        illmrec_image_result *result) {
  if (check_color(pixels, ILLMREC_TIFF_CONVERTED, 3, result) != ILLMREC_IMAGE_OK) return result->status;
  if (pixels->bits != 8 || pixels->samples != 3) return refuse(result, "of YCbCr and samples", pixels->samples);
  // Pillow takes it as it stands, whatever its subsampling.
  if (compression == COMPRESSION_NONE) return refuse(result, "of YCbCr without compression; samples", pixels->samples);
  uint16_t planes = PLANARCONFIG_CONTIG;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planes);
  if (compression == COMPRESSION_JPEG && planes == PLANARCONFIG_CONTIG) {
    TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    pixels->kind = ILLMREC_TIFF_RGB;
  }
  return ILLMREC_IMAGE_OK;
}

static void read_alpha(illmrec_tiff_pixels *pixels, TIFF *tiff) {
  uint16_t extra_samples = 0, *kinds = NULL;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra_samples, &kinds);
  pixels->is_premultiplied = extra_samples > 0 && kinds != NULL && kinds[0] == EXTRASAMPLE_ASSOCALPHA;
}

static void prepare_colors(illmrec_tiff_pixels *pixels) {
  if (pixels->kind != ILLMREC_TIFF_GRAY || pixels->bits > 8) return;
  int last = (1 << pixels->bits) - 1;
  for (int i = 0; i <= last; i++) {
    int value = i * 255 / last;
    memset(pixels->colors[i], pixels->is_inverted ? 255 - value : value, 3);
  }
}

illmrec_image_status illmrec_tiff_pixels_of(TIFF *tiff, illmrec_tiff_pixels *pixels, illmrec_image_result *result) {
  uint16_t bits = 1, samples = 1, format = SAMPLEFORMAT_UINT, photometric = PHOTOMETRIC_MINISWHITE;
  uint16_t compression = COMPRESSION_NONE;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
  TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
  if (compression == COMPRESSION_OJPEG) return refuse(result, "of compression", compression);
  if (!TIFFIsCODECConfigured(compression)) return refuse(result, "of compression", compression);
  if (samples < 1 || samples > 6) return refuse(result, "of samples per pixel", samples);
  *pixels = (illmrec_tiff_pixels){
      .bits = bits,
      .samples = samples,
      .is_signed = format == SAMPLEFORMAT_INT,
      .is_float = format == SAMPLEFORMAT_IEEEFP,
  };
  if (format != SAMPLEFORMAT_UINT && !pixels->is_signed && !pixels->is_float) {
    return refuse(result, "of sample format", format);
  }
  read_alpha(pixels, tiff);
  switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
      check_gray(pixels, photometric, result);
      break;
    case PHOTOMETRIC_RGB:
      check_color(pixels, ILLMREC_TIFF_RGB, 3, result);
      break;
    case PHOTOMETRIC_PALETTE:
      check_palette(pixels, tiff, result);
      break;
    case PHOTOMETRIC_SEPARATED:
      check_color(pixels, ILLMREC_TIFF_CMYK, 4, result);
      break;
    case PHOTOMETRIC_YCBCR:
      check_ycbcr(pixels, tiff, compression, result);
      break;
    default:
      refuse(result, "of photometric interpretation", photometric);
  }
  prepare_colors(pixels);
  return result->status;
}

// Conversion

/// Samples of 1, 2 and 4 bits, the leftmost in the high bits, and the first of each pixel of 8 bits.
static void convert_indexed(const illmrec_tiff_pixels *pixels, const uint8_t *samples, int32_t columns, uint8_t *rgb) {
  size_t bits = (size_t)pixels->bits, step = bits * (size_t)pixels->samples;
  unsigned mask = (1u << bits) - 1;
  for (size_t x = 0; x < (size_t)columns; x++) {
    size_t bit = x * step;
    memcpy(rgb + 3 * x, pixels->colors[(samples[bit / 8] >> (8 - bits - bit % 8)) & mask], 3);
  }
}

static uint8_t clamped(int64_t value) { return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value; }

static int64_t gray_12_bits(const uint8_t *samples, size_t x) {
  const uint8_t *at = samples + x / 2 * 3;
  return x % 2 == 0 ? at[0] << 4 | at[1] >> 4 : (at[1] & 15) << 8 | at[2];
}

static int64_t gray_16_bits(const uint8_t *samples, size_t x, int is_signed) {
  uint16_t value;
  memcpy(&value, samples + 2 * x, sizeof value);
  return is_signed ? (int16_t)value : value;
}

static int64_t gray_32_bits(const uint8_t *samples, size_t x, int is_float) {
  if (!is_float) {
    int32_t value;
    memcpy(&value, samples + 4 * x, sizeof value);
    return value;
  }
  float value;
  memcpy(&value, samples + 4 * x, sizeof value);
  // Nor is a NaN above 0.
  return value > 0 ? (value < 255 ? (int64_t)value : 255) : 0;
}

static void convert_wide_gray(const illmrec_tiff_pixels *pixels, const uint8_t *samples, int32_t columns,
                              uint8_t *rgb) {
  for (size_t x = 0; x < (size_t)columns; x++) {
    int64_t value = pixels->bits == 12   ? gray_12_bits(samples, x)
                    : pixels->bits == 16 ? gray_16_bits(samples, x, pixels->is_signed)
                                         : gray_32_bits(samples, x, pixels->is_float);
    memset(rgb + 3 * x, clamped(value), 3);
  }
}

/// A sample of 8 bits, or the upper 8 of 16.
static unsigned sample(const illmrec_tiff_pixels *pixels, const uint8_t *samples, size_t index) {
  if (pixels->bits == 8) return samples[index];
  uint16_t value;
  memcpy(&value, samples + 2 * index, sizeof value);
  return value >> 8;
}

static void convert_rgb(const illmrec_tiff_pixels *pixels, const uint8_t *samples, int32_t columns, uint8_t *rgb) {
  size_t step = (size_t)pixels->samples;
  for (size_t x = 0; x < (size_t)columns; x++) {
    unsigned alpha = pixels->is_premultiplied ? sample(pixels, samples, step * x + 3) : 255;
    for (size_t c = 0; c < 3; c++) {
      unsigned value = sample(pixels, samples, step * x + c);
      rgb[3 * x + c] = alpha == 0 ? 0 : clamped(value * 255 / alpha);
    }
  }
}

static void convert_cmyk(const illmrec_tiff_pixels *pixels, const uint8_t *samples, int32_t columns, uint8_t *rgb) {
  size_t step = (size_t)pixels->samples;
  for (size_t x = 0; x < (size_t)columns; x++) {
    unsigned light = 255 - sample(pixels, samples, step * x + 3);
    for (size_t c = 0; c < 3; c++) {
      unsigned product = sample(pixels, samples, step * x + c) * light + 128;
      rgb[3 * x + c] = (uint8_t)(light - ((product + (product >> 8)) >> 8));
    }
  }
}

void illmrec_tiff_to_rgb(const illmrec_tiff_pixels *pixels, const uint8_t *samples, int32_t columns, uint8_t *rgb) {
  switch (pixels->kind) {
    case ILLMREC_TIFF_RGB:
      convert_rgb(pixels, samples, columns, rgb);
      break;
    case ILLMREC_TIFF_CMYK:
      convert_cmyk(pixels, samples, columns, rgb);
      break;
    default:
      if (pixels->bits > 8) {
        convert_wide_gray(pixels, samples, columns, rgb);
      } else {
        convert_indexed(pixels, samples, columns, rgb);
      }
  }
}
