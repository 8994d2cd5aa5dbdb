// SPDX-License-Identifier: Apache-2.0

// CImageCodec under any bytes of one format, which the program's name says: decodes at once and row by row, which must
// agree, and resizes on the way. PNG and lossless WebP files written from the bytes must give them back.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "harness.h"
#include "illmrec_image.h"
#include "seed_files.h"

#define ROWS 16
// Small images take as many ways through a decoder as large ones, many times as fast.
#define MAX_PIXELS 40000

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
    {"gif", "GIF89a", 6},
    {"bmp", "BM", 2},
    // In the other order of bytes where the input begins with an M.
    {"tiff", "II*\0", 4},
};

static const format *chosen(void) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    if (strstr(fuzz_name(), formats[i].name) != NULL) return &formats[i];
  }
  fuzz_require(0, "the program is called after a format: jpeg, png, webp, gif, bmp or tiff");
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

/// Gives the chunks of a PNG file the checksums of what they hold: a wrong one before the image data is refused at once.
static void mend_checksums(uint8_t *file, size_t count) {
  for (size_t at = 8; count - at >= 12;) {
    size_t length = (size_t)file[at] << 24 | (size_t)file[at + 1] << 16 | (size_t)file[at + 2] << 8 | file[at + 3];
    if (length > count - at - 12) return;
    uint32_t sum = (uint32_t)crc32(0, file + at + 4, (uInt)length + 4);
    for (int byte = 0; byte < 4; byte++) file[at + 8 + length + (size_t)byte] = (uint8_t)(sum >> (24 - 8 * byte));
    at += 12 + length;
  }
}

void fuzz_one(const uint8_t *bytes, size_t count) {
  const format *format = chosen();
  if (count < 12) return;
  if ((format->name[0] == 'p' || format->name[0] == 'w') && bytes[count - 1] == 7) check_round_trip(bytes, count);
  uint8_t *file = malloc(count);
  memcpy(file, bytes, count);
  memcpy(file, format->signature, format->signature_bytes);
  if (format->name[0] == 'w') memcpy(file + 8, "WEBP", 4);
  if (format->name[0] == 't' && bytes[0] == 'M') memcpy(file, "MM\0*", 4);
  if (format->name[0] == 'p' && count % 8 != 0) mend_checksums(file, count);
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

/// As rows and, of 4 and 8 bits, as run lengths, which the bytes are then taken for.
static void seed_bmps(const uint8_t *pixels, int side, int bits) {
  if (bits == 2) return;
  char name[32];
  for (int compression = 0; compression < 4; compression++) {
    if ((compression == 1 && bits != 8) || (compression == 2 && bits != 4) || (compression == 3 && bits < 16)) continue;
    snprintf(name, sizeof name, "bmp-%d-%d", bits, compression);
    seed(name, seed_bmp(pixels, side, bits, compression));
  }
}

static void seed_tiffs(const uint8_t *pixels, int side) {
  static const int compressions[] = {1, 2, 3, 4, 5, 7, 8, 32773, 34925, 50000};
  for (size_t i = 0; i < sizeof compressions / sizeof compressions[0]; i++) {
    for (int kind = 0; kind < 8; kind++) {
      char name[32];
      snprintf(name, sizeof name, "tiff-%d-%d", compressions[i], kind);
      seed_file file = seed_tiff(pixels, side, compressions[i], kind % 2, kind / 2 % 2, kind / 4);
      if (file.count > 0) seed(name, file);
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
    case 'g':
      seed("rows", seed_gif(pixels, SIDE, false));
      seed("interlaced", seed_gif(pixels, SIDE, true));
      break;
    case 'b':
      for (int bits = 1; bits <= 32; bits *= 2) seed_bmps(pixels, SIDE, bits);
      seed_bmps(pixels, SIDE, 24);
      break;
    case 't':
      seed_tiffs(pixels, SIDE);
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
