// SPDX-License-Identifier: Apache-2.0

#include "orientation.h"

#include <string.h>

#include "illmrec_image.h"

// Orientation is tag 274 of the first directory of a TIFF structure, which JPEG keeps in a segment APP1, PNG in a chunk
// eXIf and WebP in a chunk EXIF. 1 is as stored; the others are named by where the first row and the first column are seen.

#define ORIENTATION_TAG 274
#define SHORT_TYPE 3
#define ENTRY_BYTES 12

typedef struct {
  const uint8_t *bytes;
  size_t count;
} block;

static const block nothing = {NULL, 0};

static uint32_t big_endian_32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint32_t little_endian_32(const uint8_t *bytes) {
  return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

static unsigned read_16(const uint8_t *bytes, int is_big) {
  return is_big ? (unsigned)(bytes[0] << 8 | bytes[1]) : (unsigned)(bytes[1] << 8 | bytes[0]);
}

static block without_prefix(block exif) {
  if (exif.count < 6 || memcmp(exif.bytes, "Exif\0\0", 6) != 0) return exif;
  return (block){exif.bytes + 6, exif.count - 6};
}

static int orientation_in(block exif) {
  if (exif.count < 8) return 1;
  int is_big = memcmp(exif.bytes, "MM\0*", 4) == 0;
  if (!is_big && memcmp(exif.bytes, "II*\0", 4) != 0) return 1;
  size_t at = is_big ? big_endian_32(exif.bytes + 4) : little_endian_32(exif.bytes + 4);
  if (at > exif.count - 2) return 1;
  size_t entries = read_16(exif.bytes + at, is_big);
  at += 2;
  for (; entries > 0 && exif.count - at >= ENTRY_BYTES; entries--, at += ENTRY_BYTES) {
    if (read_16(exif.bytes + at, is_big) != ORIENTATION_TAG) continue;
    unsigned value = read_16(exif.bytes + at + 8, is_big);
    return read_16(exif.bytes + at + 2, is_big) == SHORT_TYPE && value >= 1 && value <= 8 ? (int)value : 1;
  }
  return 1;
}

static block exif_of_jpeg(const uint8_t *bytes, size_t count) {
  size_t at = 2;
  while (count - at >= 4) {
    if (bytes[at] != 0xff) return nothing;
    uint8_t marker = bytes[at + 1];
    // Bytes may be filled up before a marker.
    if (marker == 0xff) {
      at++;
      continue;
    }
    // The image begins, or ends.
    if (marker == 0xda || marker == 0xd9) return nothing;
    size_t length = read_16(bytes + at + 2, 1);
    if (length < 2 || length > count - at - 2) return nothing;
    if (marker == 0xe1 && length >= 8 && memcmp(bytes + at + 4, "Exif\0\0", 6) == 0) {
      return (block){bytes + at + 10, length - 8};
    }
    at += 2 + length;
  }
  return nothing;
}

static block exif_of_png(const uint8_t *bytes, size_t count) {
  size_t at = 8;
  while (count - at >= 12) {
    size_t length = big_endian_32(bytes + at);
    if (length > count - at - 12) return nothing;
    if (memcmp(bytes + at + 4, "eXIf", 4) == 0) return without_prefix((block){bytes + at + 8, length});
    at += 12 + length;
  }
  return nothing;
}

static block exif_of_webp(const uint8_t *bytes, size_t count) {
  size_t at = 12;
  while (at < count && count - at >= 8) {
    size_t length = little_endian_32(bytes + at + 4);
    if (length > count - at - 8) return nothing;
    if (memcmp(bytes + at, "EXIF", 4) == 0) return without_prefix((block){bytes + at + 8, length});
    at += 8 + length + length % 2;
  }
  return nothing;
}

int illmrec_image_orientation(const uint8_t *bytes, size_t count) {
  block exif = nothing;
  if (count < 12) return 1;
  if (bytes[0] == 0xff && bytes[1] == 0xd8) exif = exif_of_jpeg(bytes, count);
  if (memcmp(bytes, "\x89PNG", 4) == 0) exif = exif_of_png(bytes, count);
  if (memcmp(bytes, "RIFF", 4) == 0) exif = exif_of_webp(bytes, count);
  return orientation_in(exif);
}

void illmrec_image_place(const uint8_t *rgb, int32_t columns, int32_t x, int32_t y, int32_t width, int32_t height,
                         int orientation, uint8_t *canvas) {
  // Where the stored pixel (0, 0) is seen, and how far a step to the right and one down go there, in pixels.
  ptrdiff_t w = width, h = height, first = 0, right = 1, down = w;
  switch (orientation) {
    case 2:
      first = w - 1, right = -1, down = w;
      break;
    case 3:
      first = w * h - 1, right = -1, down = -w;
      break;
    case 4:
      first = w * (h - 1), right = 1, down = -w;
      break;
    case 5:
      first = 0, right = h, down = 1;
      break;
    case 6:
      first = h - 1, right = h, down = -1;
      break;
    case 7:
      first = w * h - 1, right = -h, down = -1;
      break;
    case 8:
      first = h * (w - 1), right = -h, down = 1;
      break;
    default:
      break;
  }
  uint8_t *out = canvas + 3 * (first + x * right + y * down);
  if (right == 1) {
    memcpy(out, rgb, 3 * (size_t)columns);
    return;
  }
  for (int32_t i = 0; i < columns; i++, out += 3 * right) memcpy(out, rgb + 3 * (ptrdiff_t)i, 3);
}

void illmrec_image_place_rows(const uint8_t *rgb, int32_t rows, int32_t first_row, int32_t width, int32_t height,
                              int orientation, uint8_t *canvas) {
  for (int32_t i = 0; i < rows; i++) {
    const uint8_t *row = rgb + 3 * (size_t)width * (size_t)i;
    illmrec_image_place(row, width, 0, first_row + i, width, height, orientation, canvas);
  }
}
