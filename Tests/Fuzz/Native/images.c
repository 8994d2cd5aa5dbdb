// SPDX-License-Identifier: Apache-2.0

// CImageCodec under any bytes of one format, which the program's name says: decodes at once and row by row, which must
// agree, and resizes on the way. PNG and lossless WebP files written from the bytes must give them back.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "illmrec_image.h"
#include "seed_files.h"

#define ROWS 16
#define MAX_PIXELS 250000

typedef struct {
  const char *name;
  const char *signature;
  size_t signature_bytes;
} format;

static const format formats[] = {
    {"jpeg", "\xff\xd8\xff", 3},
    {"png", "\x89PNG\r\n\x1a\n", 8},
    // The size of the file in between is left as it is.
    {"webp", "RIFF", 4},
};

static const format *chosen(void) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    if (strstr(fuzz_name(), formats[i].name) != NULL) return &formats[i];
  }
  fuzz_require(0, "the program is called after a format: jpeg, png or webp");
  return NULL;
}

/// All rows, `step` at a time; NULL when the file is refused. The caller frees it.
static uint8_t *decode(const uint8_t *bytes, size_t count, int32_t step, int32_t *width, int32_t *height) {
  illmrec_image_result result;
  illmrec_image_reader *reader = illmrec_image_reader_create(bytes, count, MAX_PIXELS, &result);
  if (reader == NULL) return NULL;
  *width = illmrec_image_reader_width(reader), *height = illmrec_image_reader_height(reader);
  uint8_t *rgb = malloc(3 * (size_t)*width * (size_t)*height);
  for (int32_t y = 0; y < *height && rgb != NULL; y += step) {
    int32_t rows = *height - y < step ? *height - y : step;
    uint8_t *to = rgb + 3 * (size_t)*width * (size_t)y;
    if (illmrec_image_reader_read(reader, to, rows, &result) != ILLMREC_IMAGE_OK) {
      free(rgb);
      rgb = NULL;
    }
  }
  illmrec_image_reader_destroy(reader);
  return rgb;
}

static void resize(const uint8_t *rgb, int32_t width, int32_t height) {
  static uint8_t out[3 * 24 * 24];
  illmrec_resampler *resampler = illmrec_resampler_create(width, height, 24, 24, ILLMREC_RESAMPLE_BICUBIC);
  for (int32_t y = 0; y < height; y += ROWS) {
    int32_t rows = height - y < ROWS ? height - y : ROWS;
    illmrec_resampler_push(resampler, rgb + 3 * (size_t)width * (size_t)y, rows);
  }
  illmrec_resampler_finish(resampler, out);
  illmrec_resampler_destroy(resampler);
}

/// The bytes are the pixels of an image.
static void check_round_trip(const uint8_t *rgb, size_t count) {
  int32_t width = 1 + rgb[0] % 16, height = (int32_t)(count / (3 * (size_t)width)), read_width, read_height;
  if (height == 0) return;
  if (height > 16) height = 16;
  seed_file file = strcmp(chosen()->name, "png") == 0 ? seed_png(rgb, width, height, count % 2 == 0)
                                                      : seed_webp(rgb, width, height, true);
  uint8_t *read = decode(file.bytes, file.count, ROWS, &read_width, &read_height);
  fuzz_require(read != NULL && read_width == width && read_height == height, "what was written is read");
  fuzz_require(memcmp(read, rgb, 3 * (size_t)width * (size_t)height) == 0, "what was written comes back");
  free(read);
  free(file.bytes);
}

void fuzz_one(const uint8_t *bytes, size_t count) {
  const format *format = chosen();
  if (count < 12) return;
  if (format->name[0] != 'j' && bytes[count - 1] == 7) check_round_trip(bytes, count);
  uint8_t *file = malloc(count);
  memcpy(file, bytes, count);
  memcpy(file, format->signature, format->signature_bytes);
  if (format->name[0] == 'w') memcpy(file + 8, "WEBP", 4);
  int32_t width, height;
  uint8_t *whole = decode(file, count, INT32_MAX, &width, &height), *parts = decode(file, count, ROWS, &width, &height);
  // Where the data ends after some rows, both say so in the end.
  fuzz_require((whole == NULL) == (parts == NULL), "a file is read or refused, however its rows are asked for");
  if (whole != NULL) {
    fuzz_require(memcmp(whole, parts, 3 * (size_t)width * (size_t)height) == 0,
                 "rows do not depend on how they are asked for");
    resize(whole, width, height);
  }
  free(whole);
  free(parts);
  free(file);
}

static void seed(const char *name, seed_file file) {
  fuzz_seed(name, file.bytes, file.count);
  free(file.bytes);
}

static void seed_jpegs(const uint8_t *pixels, int side) {
  for (int components = 1; components <= 4; components++) {
    if (components == 2) continue;
    for (int kind = 0; kind < 4; kind++) {
      char name[32];
      snprintf(name, sizeof name, "jpeg-%d-%d", components, kind);
      seed(name, seed_jpeg(pixels, side, components, kind % 2, kind / 2));
    }
  }
}

void fuzz_make_seeds(void) {
  enum { SIDE = 40 };
  static uint8_t pixels[4 * SIDE * SIDE];
  for (int i = 0; i < (int)sizeof pixels; i++) pixels[i] = (uint8_t)(i * i / 97 + i);
  switch (chosen()->name[0]) {
    case 'j':
      seed_jpegs(pixels, SIDE);
      break;
    case 'p':
      seed("rows", seed_png(pixels, SIDE, SIDE, false));
      seed("interlaced", seed_png(pixels, SIDE, SIDE, true));
      break;
    default:
      seed("lossy", seed_webp(pixels, SIDE, SIDE, false));
      seed("lossless", seed_webp(pixels, SIDE, SIDE, true));
  }
}
