// SPDX-License-Identifier: Apache-2.0

#include "orientation.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "illmrec_image.h"

// Orientation is tag 274 of the first directory of a TIFF structure, which JPEG keeps in a segment APP1, PNG in a chunk
// eXIf or as hexadecimal text and WebP in a chunk EXIF. Where that has no such tag, XMP beside it may say tiff:Orientation.
// 1 is as stored; the others are named by where the first row and the first column are seen.
//
// Source: Pillow's Image.getexif, which ImageOps.exif_transpose asks.

#define ORIENTATION_TAG 274
#define ENTRY_BYTES 12
// As much as Pillow unpacks of one text of a PNG.
#define MAX_TEXT_BYTES (1 << 20)

typedef struct {
  const uint8_t *bytes;
  size_t count;
} block;

// What a file says of itself.
typedef struct {
  block exif;
  block xmp;
  // What `exif` and `xmp` lie in where they were unpacked, or NULL.
  uint8_t *unpacked_exif;
  uint8_t *unpacked_xmp;
} metadata;

static uint32_t big_endian_32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint32_t little_endian_32(const uint8_t *bytes) {
  return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

static unsigned read_16(const uint8_t *bytes, int is_big) {
  return is_big ? (unsigned)(bytes[0] << 8 | bytes[1]) : (unsigned)(bytes[1] << 8 | bytes[0]);
}

static uint32_t read_32(const uint8_t *bytes, int is_big) {
  return is_big ? big_endian_32(bytes) : little_endian_32(bytes);
}

static int begins_with(block bytes, const char *text, size_t count) {
  return bytes.count >= count && memcmp(bytes.bytes, text, count) == 0;
}

// The prefix stands there twice in files of some writers.
static block without_prefix(block exif) {
  for (int i = 0; i < 2 && begins_with(exif, "Exif\0\0", 6); i++) exif = (block){exif.bytes + 6, exif.count - 6};
  return exif;
}

// Bytes of an element of a type; 0 for types that are no numbers.
static size_t element_bytes(unsigned type) {
  switch (type) {
    case 6:  // SBYTE
      return 1;
    case 3:  // SHORT
    case 8:  // SSHORT
      return 2;
    case 4:   // LONG
    case 9:   // SLONG
    case 11:  // FLOAT
    case 13:  // IFD
      return 4;
    case 5:   // RATIONAL
    case 10:  // SRATIONAL
    case 12:  // DOUBLE
    case 16:  // LONG8
      return 8;
    default:
      return 0;
  }
}

static double floating(const uint8_t *bytes, size_t size, int is_big) {
  uint32_t first = read_32(bytes, is_big);
  if (size == 4) {
    float value;
    memcpy(&value, &first, 4);
    return value;
  }
  uint32_t second = read_32(bytes + 4, is_big);
  uint64_t bits = is_big ? (uint64_t)first << 32 | second : (uint64_t)second << 32 | first;
  double value;
  memcpy(&value, &bits, 8);
  return value;
}

static double number(const uint8_t *bytes, unsigned type, int is_big) {
  switch (type) {
    case 6:
      return (int8_t)bytes[0];
    case 3:
      return read_16(bytes, is_big);
    case 8:
      return (int16_t)read_16(bytes, is_big);
    case 9:
      return (int32_t)read_32(bytes, is_big);
    case 5:
      return (double)read_32(bytes, is_big) / (double)read_32(bytes + 4, is_big);
    case 10:
      return (double)(int32_t)read_32(bytes, is_big) / (double)(int32_t)read_32(bytes + 4, is_big);
    case 11:
      return floating(bytes, 4, is_big);
    case 12:
      return floating(bytes, 8, is_big);
    case 16: {
      uint32_t first = read_32(bytes, is_big), second = read_32(bytes + 4, is_big);
      uint32_t high = is_big ? first : second;
      return high != 0 ? 0 : (double)(is_big ? second : first);
    }
    default:
      return read_32(bytes, is_big);
  }
}

// 1 to 8, where a number is one of these; 1 for any other.
static int orientation_of(double value) {
  for (int orientation = 2; orientation <= 8; orientation++) {
    if (value == orientation) return orientation;
  }
  return 1;
}

// The first value of an entry at `at`; NULL where the file does not hold it, or it is no number.
static const uint8_t *entry_value(block exif, size_t at, int is_big) {
  size_t size = element_bytes(read_16(exif.bytes + at + 2, is_big));
  uint64_t total = (uint64_t)read_32(exif.bytes + at + 4, is_big) * size;
  if (total == 0) return NULL;
  if (total <= 4) return exif.bytes + at + 8;
  uint64_t place = read_32(exif.bytes + at + 8, is_big);
  return place <= exif.count && total <= exif.count - place ? exif.bytes + place : NULL;
}

// Whether an entry holds text or bytes, which stand for an orientation that is none.
static int holds_others(block exif, size_t at, int is_big) {
  unsigned type = read_16(exif.bytes + at + 2, is_big);
  uint32_t count = read_32(exif.bytes + at + 4, is_big);
  if (type != 1 && type != 2 && type != 7) return 0;
  if (count <= 4) return count > 0;
  uint64_t place = read_32(exif.bytes + at + 8, is_big);
  return place <= exif.count && count <= exif.count - place;
}

// 0 where the directory does not say it.
static int orientation_in(block exif) {
  if (exif.count < 8) return 0;
  int is_big = memcmp(exif.bytes, "MM\0*", 4) == 0;
  if (!is_big && memcmp(exif.bytes, "II*\0", 4) != 0) return 0;
  size_t at = read_32(exif.bytes + 4, is_big);
  if (at > exif.count - 2) return 0;
  size_t entries = read_16(exif.bytes + at, is_big);
  at += 2;
  for (; entries > 0 && exif.count - at >= ENTRY_BYTES; entries--, at += ENTRY_BYTES) {
    if (read_16(exif.bytes + at, is_big) != ORIENTATION_TAG) continue;
    const uint8_t *value = entry_value(exif, at, is_big);
    if (value != NULL) return orientation_of(number(value, read_16(exif.bytes + at + 2, is_big), is_big));
    if (holds_others(exif, at, is_big)) return 1;
  }
  return 0;
}

// As the regular expression tiff:Orientation(="|>)([0-9]) finds it.
static int orientation_in_xmp(block xmp) {
  static const char name[] = "tiff:Orientation";
  size_t length = sizeof name - 1;
  for (size_t at = 0; at < xmp.count && xmp.count - at > length + 1; at++) {
    const uint8_t *found = memchr(xmp.bytes + at, 't', xmp.count - at);
    if (found == NULL) return 1;
    at = (size_t)(found - xmp.bytes);
    if (xmp.count - at <= length + 1 || memcmp(found, name, length) != 0) continue;
    size_t digit = at + length;
    if (xmp.bytes[digit] == '>') {
      digit += 1;
    } else if (xmp.count - digit > 2 && xmp.bytes[digit] == '=' && xmp.bytes[digit + 1] == '"') {
      digit += 2;
    } else {
      continue;
    }
    if (digit < xmp.count && xmp.bytes[digit] >= '0' && xmp.bytes[digit] <= '9') {
      return orientation_of(xmp.bytes[digit] - '0');
    }
  }
  return 1;
}

static void read_jpeg(const uint8_t *bytes, size_t count, metadata *found) {
  static const char xmp_name[] = "http://ns.adobe.com/xap/1.0/";
  size_t at = 2;
  while (count - at >= 4) {
    if (bytes[at] != 0xff) return;
    uint8_t marker = bytes[at + 1];
    // Bytes may be filled up before a marker.
    if (marker == 0xff) {
      at++;
      continue;
    }
    // The image begins, or ends.
    if (marker == 0xda || marker == 0xd9) return;
    size_t length = read_16(bytes + at + 2, 1);
    if (length < 2 || length > count - at - 2) return;
    block segment = {bytes + at + 4, length - 2};
    if (marker == 0xe1 && found->exif.count == 0 && begins_with(segment, "Exif\0\0", 6)) {
      found->exif = segment;
    } else if (marker == 0xe1 && begins_with(segment, xmp_name, sizeof xmp_name)) {
      found->xmp = (block){segment.bytes + sizeof xmp_name, segment.count - sizeof xmp_name};
    }
    at += 2 + length;
  }
}

// What follows the first zero byte; empty where there is none.
static block after_zero(block text) {
  const uint8_t *zero = text.count == 0 ? NULL : memchr(text.bytes, 0, text.count);
  if (zero == NULL) return (block){NULL, 0};
  return (block){zero + 1, text.count - (size_t)(zero - text.bytes) - 1};
}

// The text that `packed` holds, in memory of the caller's in `unpacked`; empty where it is broken or beyond the limit.
static block inflated(block packed, uint8_t **unpacked) {
  uLongf count = MAX_TEXT_BYTES;
  uint8_t *text = packed.count == 0 ? NULL : malloc(count);
  if (text == NULL) return (block){NULL, 0};
  if (uncompress(text, &count, packed.bytes, packed.count) != Z_OK) {
    free(text);
    return (block){NULL, 0};
  }
  free(*unpacked);
  *unpacked = text;
  return (block){text, count};
}

// The text of a chunk tEXt, zTXt or iTXt, whose keyword has been seen.
static block chunk_text(const uint8_t *type, block chunk, uint8_t **unpacked) {
  block rest = after_zero(chunk);
  if (memcmp(type, "tEXt", 4) == 0) return rest;
  if (rest.count < 2) return (block){NULL, 0};
  if (memcmp(type, "zTXt", 4) == 0) {
    return rest.bytes[0] == 0 ? inflated((block){rest.bytes + 1, rest.count - 1}, unpacked) : (block){NULL, 0};
  }
  // Behind the language and the translated keyword.
  block text = after_zero(after_zero((block){rest.bytes + 2, rest.count - 2}));
  if (rest.bytes[0] == 0) return text;
  return rest.bytes[1] == 0 ? inflated(text, unpacked) : (block){NULL, 0};
}

static int digit_value(uint8_t character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return -1;
}

// The bytes that ImageMagick writes in hexadecimal, behind three lines, as memory of the caller's in `unpacked`.
static block raw_profile(block text, uint8_t **unpacked) {
  size_t at = 0;
  for (int line = 0; line < 3; line++, at++) {
    while (at < text.count && text.bytes[at] != '\n') at++;
  }
  if (at >= text.count) return (block){NULL, 0};
  uint8_t *bytes = malloc(text.count - at);
  if (bytes == NULL) return (block){NULL, 0};
  size_t digits = 0;
  for (; at < text.count; at++) {
    int digit = digit_value(text.bytes[at]);
    if (digit < 0) continue;
    if (digits % 2 == 0) bytes[digits / 2] = 0;
    bytes[digits / 2] = (uint8_t)(bytes[digits / 2] << 4 | digit);
    digits++;
  }
  free(*unpacked);
  *unpacked = bytes;
  return (block){bytes, digits / 2};
}

static int is_text(const uint8_t *type) {
  return memcmp(type, "tEXt", 4) == 0 || memcmp(type, "zTXt", 4) == 0 || memcmp(type, "iTXt", 4) == 0;
}

static void read_png(const uint8_t *bytes, size_t count, metadata *found) {
  static const char profile_name[] = "Raw profile type exif", xmp_name[] = "XML:com.adobe.xmp";
  block profile = {NULL, 0};
  uint8_t *profile_text = NULL;
  size_t at = 8;
  while (count - at >= 12) {
    size_t length = big_endian_32(bytes + at);
    if (length > count - at - 12) break;
    const uint8_t *type = bytes + at + 4;
    block chunk = {bytes + at + 8, length};
    if (memcmp(type, "eXIf", 4) == 0) found->exif = chunk;
    if (is_text(type) && begins_with(chunk, profile_name, sizeof profile_name)) {
      profile = chunk_text(type, chunk, &profile_text);
    }
    if (is_text(type) && begins_with(chunk, xmp_name, sizeof xmp_name)) {
      found->xmp = chunk_text(type, chunk, &found->unpacked_xmp);
    }
    at += 12 + length;
  }
  if (found->exif.count == 0 && profile.count > 0) found->exif = raw_profile(profile, &found->unpacked_exif);
  free(profile_text);
}

static void read_webp(const uint8_t *bytes, size_t count, metadata *found) {
  size_t at = 12;
  while (at < count && count - at >= 8) {
    size_t length = little_endian_32(bytes + at + 4);
    if (length > count - at - 8) return;
    block chunk = {bytes + at + 8, length};
    if (memcmp(bytes + at, "EXIF", 4) == 0 && found->exif.count == 0) found->exif = chunk;
    if (memcmp(bytes + at, "XMP ", 4) == 0 && found->xmp.count == 0) found->xmp = chunk;
    at += 8 + length + length % 2;
  }
}

int illmrec_image_orientation(const uint8_t *bytes, size_t count) {
  metadata found = {{NULL, 0}, {NULL, 0}, NULL, NULL};
  if (count < 12) return 1;
  if (bytes[0] == 0xff && bytes[1] == 0xd8) read_jpeg(bytes, count, &found);
  if (memcmp(bytes, "\x89PNG", 4) == 0) read_png(bytes, count, &found);
  if (memcmp(bytes, "RIFF", 4) == 0) read_webp(bytes, count, &found);
  int orientation = orientation_in(without_prefix(found.exif));
  if (orientation == 0) orientation = orientation_in_xmp(found.xmp);
  free(found.unpacked_exif);
  free(found.unpacked_xmp);
  return orientation;
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
