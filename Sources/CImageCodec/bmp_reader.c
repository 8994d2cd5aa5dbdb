// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <stdlib.h>
#include <string.h>

// Windows and OS/2 bitmaps of 1, 4, 8, 16, 24 and 32 bits, and of run lengths, by Pillow's rules: the fourth byte of 32 bits
// is dropped; 16 bits are 5, 5 and 5 unless masks say 5, 6 and 5; an index beyond the palette is black, or gray in a palette
// whose entries are their own indices; pixels that run lengths skip have index 0, and an image that they end early is truncated.

#define FILE_HEADER_BYTES 14
#define CORE_HEADER_BYTES 12
#define MAX_COLORS 256

enum { RAW = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3 };

typedef struct {
  illmrec_image_reader base;
  const uint8_t *bytes;
  size_t count;
  uint32_t header_bytes;
  int bits;
  uint32_t compression;
  int is_top_down;
  /// Of the pixels.
  size_t offset;
  /// Bytes from one row to the next.
  size_t stride;
  /// Bytes of a 24-bit or 32-bit pixel at which R, G and B are.
  int channel[3];
  /// Of 16-bit pixels: 6 with masks of 5, 6 and 5 bits.
  int green_bits;
  uint8_t colors[256][3];
  /// Indices of run lengths, the bottom row first, made by the first read.
  uint8_t *indices;
} bmp_reader;

static uint32_t little_endian_16(const uint8_t *bytes) { return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8; }

static uint32_t little_endian_32(const uint8_t *bytes) {
  return little_endian_16(bytes) | little_endian_16(bytes + 2) << 16;
}

static illmrec_image_status fail_truncated(illmrec_image_result *result, const char *where) {
  return illmrec_image_fail(result, ILLMREC_IMAGE_TRUNCATED, "its data ends within %s", where);
}

// Pixels

static void convert_indexed(const bmp_reader *reader, const uint8_t *row, uint8_t *rgb) {
  const int bits = reader->bits;
  const unsigned mask = (1u << bits) - 1;
  for (int32_t x = 0; x < reader->base.width; x++) {
    size_t bit = (size_t)x * (size_t)bits;
    unsigned index = (row[bit / 8] >> (8 - bits - (int)(bit % 8))) & mask;
    memcpy(rgb + 3 * (size_t)x, reader->colors[index], 3);
  }
}

static void convert_16_bits(const bmp_reader *reader, const uint8_t *row, uint8_t *rgb) {
  const int green_bits = reader->green_bits;
  const unsigned green_mask = (1u << green_bits) - 1;
  for (int32_t x = 0; x < reader->base.width; x++) {
    unsigned pixel = little_endian_16(row + 2 * (size_t)x);
    uint8_t *out = rgb + 3 * (size_t)x;
    out[0] = (uint8_t)((pixel >> (5 + green_bits) & 31) * 255 / 31);
    out[1] = (uint8_t)((pixel >> 5 & green_mask) * 255 / green_mask);
    out[2] = (uint8_t)((pixel & 31) * 255 / 31);
  }
}

static void convert_bytes(const bmp_reader *reader, const uint8_t *row, uint8_t *rgb) {
  const size_t pixel = (size_t)reader->bits / 8;
  for (int32_t x = 0; x < reader->base.width; x++) {
    for (int c = 0; c < 3; c++) rgb[3 * (size_t)x + (size_t)c] = row[pixel * (size_t)x + (size_t)reader->channel[c]];
  }
}

static void convert_row(const bmp_reader *reader, const uint8_t *row, uint8_t *rgb) {
  switch (reader->bits) {
    case 16:
      convert_16_bits(reader, row, rgb);
      return;
    case 24:
    case 32:
      convert_bytes(reader, row, rgb);
      return;
    default:
      convert_indexed(reader, row, rgb);
  }
}

// Run lengths

typedef struct {
  uint8_t *indices;
  size_t count, capacity;
  size_t width;
  /// Columns of the row that runs have filled; more than its width after pixels that go over its end.
  size_t x;
} bmp_runs;

static void put(bmp_runs *runs, uint8_t index) {
  if (runs->count < runs->capacity) runs->indices[runs->count++] = index;
}

static void skip(bmp_runs *runs, size_t pixels) {
  size_t room = runs->capacity - runs->count;
  runs->count += pixels < room ? pixels : room;
}

/// The index of a run's i-th pixel: of 4 bits, high and low in turns.
static uint8_t index_of(const bmp_reader *reader, uint8_t byte, size_t i) {
  if (reader->compression == RLE8) return byte;
  return i % 2 == 0 ? byte >> 4 : byte & 15;
}

static void put_run(const bmp_reader *reader, bmp_runs *runs, size_t pixels, uint8_t byte) {
  size_t room = runs->x < runs->width ? runs->width - runs->x : 0;
  if (pixels > room) pixels = room;
  for (size_t i = 0; i < pixels; i++) put(runs, index_of(reader, byte, i));
  runs->x += pixels;
}

/// `pixels` indices as they are, up to an even offset of the file. Returns 0 when the data ends.
static int put_literals(const bmp_reader *reader, bmp_runs *runs, size_t *offset, size_t pixels) {
  size_t room = runs->capacity - runs->count, taken = pixels < room ? pixels : room;
  size_t bytes = reader->compression == RLE8 ? taken : (taken + 1) / 2;
  if (bytes > reader->count - *offset) return 0;
  for (size_t i = 0; i < taken; i++) {
    size_t at = reader->compression == RLE8 ? i : i / 2;
    put(runs, index_of(reader, reader->bytes[*offset + at], i));
  }
  *offset += bytes;
  *offset += *offset % 2;
  runs->x += pixels;
  return 1;
}

static void read_runs(const bmp_reader *reader, bmp_runs *runs) {
  size_t offset = reader->offset;
  while (runs->count < runs->capacity && offset < reader->count && reader->count - offset >= 2) {
    uint8_t pixels = reader->bytes[offset], byte = reader->bytes[offset + 1];
    offset += 2;
    if (pixels > 0) {
      put_run(reader, runs, pixels, byte);
    } else if (byte == 0) {
      if (runs->count % runs->width != 0) skip(runs, runs->width - runs->count % runs->width);
      runs->x = 0;
    } else if (byte == 1) {
      return;
    } else if (byte == 2) {
      if (reader->count - offset < 2) return;
      skip(runs, reader->bytes[offset] + reader->bytes[offset + 1] * runs->width);
      runs->x = runs->count % runs->width;
      offset += 2;
    } else if (!put_literals(reader, runs, &offset, byte)) {
      return;
    }
  }
}

static illmrec_image_status decode_runs(bmp_reader *reader, illmrec_image_result *result) {
  size_t width = (size_t)reader->base.width;
  bmp_runs runs = {.capacity = width * (size_t)reader->base.height, .width = width};
  runs.indices = reader->indices = calloc(runs.capacity, 1);
  if (runs.indices == NULL) return illmrec_image_fail(result, ILLMREC_IMAGE_NO_MEMORY, "no memory for the image");
  read_runs(reader, &runs);
  if (runs.count == runs.capacity) return ILLMREC_IMAGE_OK;
  return illmrec_image_fail(result, ILLMREC_IMAGE_TRUNCATED, "its run lengths end after %zu of %zu pixels", runs.count,
                            runs.capacity);
}

// Rows

/// Where a row is, counted from the top.
static size_t stored_row(const bmp_reader *reader, int32_t y) {
  return (size_t)(reader->is_top_down ? y : reader->base.height - 1 - y);
}

static void read_indices(const bmp_reader *reader, int32_t y, uint8_t *rgb) {
  size_t width = (size_t)reader->base.width;
  const uint8_t *row = reader->indices + width * stored_row(reader, y);
  for (size_t x = 0; x < width; x++) memcpy(rgb + 3 * x, reader->colors[row[x]], 3);
}

static illmrec_image_status read_rows(illmrec_image_reader *base, uint8_t *rgb, int32_t rows,
                                      illmrec_image_result *result) {
  bmp_reader *reader = (bmp_reader *)base;
  int has_runs = reader->compression == RLE8 || reader->compression == RLE4;
  if (has_runs && reader->indices == NULL && decode_runs(reader, result) != ILLMREC_IMAGE_OK) return result->status;
  for (int32_t i = 0; i < rows; i++) {
    uint8_t *out = rgb + 3 * (size_t)base->width * (size_t)i;
    int32_t y = base->next_row + i;
    if (has_runs) {
      read_indices(reader, y, out);
    } else {
      convert_row(reader, reader->bytes + reader->offset + reader->stride * stored_row(reader, y), out);
    }
  }
  base->next_row += rows;
  return ILLMREC_IMAGE_OK;
}

static void destroy(illmrec_image_reader *base) {
  bmp_reader *reader = (bmp_reader *)base;
  free(reader->indices);
  free(reader);
}

// Header

/// Where R, G and B are for masks of R, G, B and alpha; the fourth byte is dropped, whatever it is.
static int set_masks(bmp_reader *reader, const uint32_t masks[4]) {
  static const struct {
    int bits;
    uint32_t masks[4];
    int channel[3];
    int green_bits;
  } known[] = {
      {32, {0xff0000, 0xff00, 0xff, 0}, {2, 1, 0}, 0},
      {32, {0xff000000, 0xff0000, 0xff00, 0}, {3, 2, 1}, 0},
      {32, {0xff000000, 0xff00, 0xff, 0}, {3, 1, 0}, 0},
      {32, {0xff000000, 0xff0000, 0xff00, 0xff}, {3, 2, 1}, 0},
      {32, {0xff, 0xff00, 0xff0000, 0xff000000}, {0, 1, 2}, 0},
      {32, {0xff0000, 0xff00, 0xff, 0xff000000}, {2, 1, 0}, 0},
      {32, {0xff000000, 0xff00, 0xff, 0xff0000}, {3, 1, 0}, 0},
      {32, {0, 0, 0, 0}, {2, 1, 0}, 0},
      {24, {0xff0000, 0xff00, 0xff, 0}, {2, 1, 0}, 0},
      {16, {0xf800, 0x7e0, 0x1f, 0}, {0, 0, 0}, 6},
      {16, {0x7c00, 0x3e0, 0x1f, 0}, {0, 0, 0}, 5},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    size_t compared = reader->bits == 32 ? 4 : 3;
    if (known[i].bits != reader->bits || memcmp(known[i].masks, masks, compared * sizeof masks[0]) != 0) continue;
    memcpy(reader->channel, known[i].channel, sizeof reader->channel);
    reader->green_bits = known[i].green_bits;
    return 1;
  }
  return 0;
}

/// - at: of what follows the header; moved behind the masks when they are there.
static illmrec_image_status read_masks(bmp_reader *reader, size_t *at, illmrec_image_result *result) {
  uint32_t masks[4] = {0};
  size_t first = FILE_HEADER_BYTES + 40, count = 3;
  if (reader->header_bytes < 52) {
    if (reader->count - *at < 12) return fail_truncated(result, "the header");
    first = *at;
    *at += 12;
  } else if (reader->header_bytes >= 56) {
    count = 4;
  }
  for (size_t i = 0; i < count; i++) masks[i] = little_endian_32(reader->bytes + first + 4 * i);
  if (set_masks(reader, masks)) return ILLMREC_IMAGE_OK;
  return illmrec_image_fail(result, ILLMREC_IMAGE_UNSUPPORTED, "it is a BMP of %d bits with masks of an unusual layout",
                            reader->bits);
}

static illmrec_image_status read_palette(bmp_reader *reader, size_t *at, uint32_t entries,
                                         illmrec_image_result *result) {
  size_t entry = reader->header_bytes == CORE_HEADER_BYTES ? 3 : 4;
  if (entries == 0) entries = 1u << reader->bits;
  if (entries > MAX_COLORS) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "its palette has %u entries", entries);
  }
  if (entry * entries > reader->count - *at) return fail_truncated(result, "the palette");
  int is_gray = entries != 2;
  for (size_t i = 0; i < entries; i++) {
    const uint8_t *color = reader->bytes + *at + entry * i;
    for (size_t c = 0; c < 3; c++) reader->colors[i][c] = color[2 - c];
    if (color[0] != i || color[1] != i || color[2] != i) is_gray = 0;
  }
  if (is_gray) illmrec_image_gray_ramp(reader->colors);
  *at += entry * entries;
  return ILLMREC_IMAGE_OK;
}

static int is_known_header(uint32_t bytes) {
  static const uint32_t known[] = {CORE_HEADER_BYTES, 40, 52, 56, 64, 108, 124};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (known[i] == bytes) return 1;
  }
  return 0;
}

/// Finds the size and how pixels are kept; `colors` is the number of entries of the palette, 0 when all.
static illmrec_image_status read_sizes(bmp_reader *reader, uint64_t max_pixels, uint32_t *colors,
                                       illmrec_image_result *result) {
  const uint8_t *header = reader->bytes + FILE_HEADER_BYTES + 4;
  uint32_t width, height;
  if (reader->header_bytes == CORE_HEADER_BYTES) {
    width = little_endian_16(header);
    height = little_endian_16(header + 2);
    reader->bits = (int)little_endian_16(header + 6);
  } else {
    width = little_endian_32(header);
    height = little_endian_32(header + 4);
    // Rows from the top have a negative height.
    reader->is_top_down = header[7] == 0xff;
    if (reader->is_top_down) height = 0u - height;
    reader->bits = (int)little_endian_16(header + 10);
    reader->compression = little_endian_32(header + 12);
    *colors = little_endian_32(header + 28);
  }
  if (illmrec_image_check_size(width, height, max_pixels, result) != ILLMREC_IMAGE_OK) return result->status;
  reader->base.width = (int32_t)width;
  reader->base.height = (int32_t)height;
  return ILLMREC_IMAGE_OK;
}

static illmrec_image_status check_kind(const bmp_reader *reader, illmrec_image_result *result) {
  int bits = reader->bits;
  int is_indexed = bits == 1 || bits == 4 || bits == 8;
  if (!is_indexed && bits != 16 && bits != 24 && bits != 32) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_UNSUPPORTED, "it is a BMP of %d bits, not 1, 4, 8, 16, 24 or 32",
                              bits);
  }
  if (reader->compression > BITFIELDS || (reader->compression == BITFIELDS && is_indexed)) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_UNSUPPORTED, "it is a BMP of %d bits with compression %u", bits,
                              reader->compression);
  }
  if ((reader->compression == RLE8 && bits != 8) || (reader->compression == RLE4 && bits != 4)) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "it has run lengths of %d bits, and pixels of %d",
                              reader->compression == RLE8 ? 8 : 4, bits);
  }
  return ILLMREC_IMAGE_OK;
}

/// - at: where the header and the palette end.
static illmrec_image_status find_pixels(bmp_reader *reader, size_t at, illmrec_image_result *result) {
  size_t announced = little_endian_32(reader->bytes + 10);
  // Some writers forget the palette.
  int has_palette_behind = reader->bits <= 8 && announced == FILE_HEADER_BYTES + (size_t)reader->header_bytes;
  reader->offset = announced == 0 || has_palette_behind ? at : announced;
  size_t width = (size_t)reader->base.width, bits = (size_t)reader->bits;
  reader->stride = (width * bits + 31) / 32 * 4;
  if (reader->compression == RLE8 || reader->compression == RLE4) {
    reader->base.memory = width * (size_t)reader->base.height;
    return ILLMREC_IMAGE_OK;
  }
  size_t needed = reader->stride * ((size_t)reader->base.height - 1) + (width * bits + 7) / 8;
  if (reader->offset <= reader->count && needed <= reader->count - reader->offset) return ILLMREC_IMAGE_OK;
  return illmrec_image_fail(result, ILLMREC_IMAGE_TRUNCATED, "its pixels end at byte %zu, and the file at byte %zu",
                            reader->offset + needed, reader->count);
}

static illmrec_image_status read_header(bmp_reader *reader, uint64_t max_pixels, illmrec_image_result *result) {
  if (reader->count < FILE_HEADER_BYTES + 4) return fail_truncated(result, "the header");
  reader->header_bytes = little_endian_32(reader->bytes + FILE_HEADER_BYTES);
  if (!is_known_header(reader->header_bytes)) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_UNSUPPORTED, "it is a BMP with a header of %u bytes",
                              reader->header_bytes);
  }
  size_t at = FILE_HEADER_BYTES + (size_t)reader->header_bytes;
  if (reader->count < at) return fail_truncated(result, "the header");
  uint32_t colors = 0;
  if (read_sizes(reader, max_pixels, &colors, result) != ILLMREC_IMAGE_OK) return result->status;
  if (check_kind(reader, result) != ILLMREC_IMAGE_OK) return result->status;
  memcpy(reader->channel, (int[]){2, 1, 0}, sizeof reader->channel);
  reader->green_bits = 5;
  if (reader->compression == BITFIELDS && read_masks(reader, &at, result) != ILLMREC_IMAGE_OK) return result->status;
  if (reader->bits <= 8 && read_palette(reader, &at, colors, result) != ILLMREC_IMAGE_OK) return result->status;
  return find_pixels(reader, at, result);
}

illmrec_image_reader *illmrec_bmp_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                illmrec_image_result *result) {
  bmp_reader *reader = illmrec_image_allocate_reader(sizeof *reader, read_rows, destroy, result);
  if (reader == NULL) return NULL;
  reader->bytes = bytes;
  reader->count = count;
  if (read_header(reader, max_pixels, result) == ILLMREC_IMAGE_OK) return &reader->base;
  destroy(&reader->base);
  return NULL;
}
