// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <stdlib.h>
#include <string.h>

// The first frame on its screen, by Pillow's rules, which are no other decoder's: the screen grows to the frame; what the
// frame leaves free has the index that is transparent in it, or index 0; transparency is dropped; a palette whose entries
// are their own indices counts as none, and none means gray; an index beyond the palette is black; a frame that lacks a pixel is truncated,
// whatever comes after it. Decoding is done here, because giflib has other rules for nearly all of these.

#define HEADER_BYTES 13
#define DESCRIPTOR_BYTES 9
#define HAS_PALETTE 0x80
#define IS_INTERLACED 0x40
#define MAX_CODE_BITS 12
#define MAX_CODES (1 << MAX_CODE_BITS)
/// Codes of this many bits for the pixels leave room for others.
#define MAX_PIXEL_BITS (MAX_CODE_BITS - 1)

typedef struct {
  illmrec_image_reader base;
  const uint8_t *bytes;
  size_t count;
  /// Of the next byte.
  size_t offset;
  int32_t left, top, frame_width, frame_height;
  int is_interlaced;
  /// Index of the pixels around the frame.
  uint8_t background;
  uint8_t colors[256][3];
  /// Indices of the whole screen, made by the first read.
  uint8_t *screen;
} gif_reader;

// Pixels of the frame

/// Where the frame's next pixel goes.
typedef struct {
  int32_t x, y;
  int32_t step;
  /// Passes of an interlaced frame that are still to come.
  int passes_left;
} gif_position;

static int is_full(const gif_reader *reader, const gif_position *at) { return at->y >= reader->frame_height; }

/// To the row's end, and from there to the next row that the order of rows has; a frame may be too low for some passes.
static void advance(const gif_reader *reader, gif_position *at) {
  static const int32_t first_row[] = {1, 2, 4}, step[] = {2, 4, 8};
  if (++at->x < reader->frame_width) return;
  at->x = 0;
  at->y += at->step;
  while (at->y >= reader->frame_height && at->passes_left > 0) {
    at->passes_left--;
    at->y = first_row[at->passes_left];
    at->step = step[at->passes_left];
  }
}

static void put(gif_reader *reader, gif_position *at, uint8_t index) {
  size_t row = (size_t)(reader->top + at->y) * (size_t)reader->base.width;
  reader->screen[row + (size_t)(reader->left + at->x)] = index;
  advance(reader, at);
}

// Codes

typedef struct {
  /// Bits that were read and not yet used, the next one lowest.
  uint32_t bits;
  int bit_count;
  /// Bytes that are left of the block.
  size_t block_bytes;
  int code_bits;
  /// The first code that has no string yet.
  int next;
  /// A code's string is that of its prefix and its last pixel.
  uint16_t prefix[MAX_CODES];
  uint8_t last[MAX_CODES];
} gif_codes;

/// The next code, or -1 when the data ends. A block is used only when it is there as a whole; one without bytes is skipped.
static int next_code(gif_reader *reader, gif_codes *codes) {
  while (codes->bit_count < codes->code_bits) {
    while (codes->block_bytes == 0) {
      if (reader->offset >= reader->count) return -1;
      codes->block_bytes = reader->bytes[reader->offset++];
      if (codes->block_bytes > reader->count - reader->offset) return -1;
    }
    codes->bits |= (uint32_t)reader->bytes[reader->offset++] << codes->bit_count;
    codes->bit_count += 8;
    codes->block_bytes--;
  }
  int code = (int)(codes->bits & ((1u << codes->code_bits) - 1));
  codes->bits >>= codes->code_bits;
  codes->bit_count -= codes->code_bits;
  return code;
}

static void add_code(gif_codes *codes, int prefix, uint8_t last) {
  if (codes->next == MAX_CODES) return;
  codes->prefix[codes->next] = (uint16_t)prefix;
  codes->last[codes->next] = last;
  if (codes->next == (1 << codes->code_bits) - 1 && codes->code_bits < MAX_CODE_BITS) codes->code_bits++;
  codes->next++;
}

/// Writes the string of `code` to the end of `buffer`, and returns where it begins.
static uint8_t *string_of(const gif_codes *codes, int code, int clear, uint8_t *end) {
  for (; code >= clear; code = codes->prefix[code]) *--end = codes->last[code];
  *--end = (uint8_t)code;
  return end;
}

static illmrec_image_status fail_broken(illmrec_image_result *result) {
  return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "its frame has a code that stands for nothing");
}

static illmrec_image_status decode_pixels(gif_reader *reader, gif_codes *codes, illmrec_image_result *result) {
  int pixel_bits = reader->bytes[reader->offset++];
  if (pixel_bits > MAX_PIXEL_BITS) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "its pixels have codes of %d bits", pixel_bits);
  }
  const int clear = 1 << pixel_bits;
  // One more than the longest string, which repeats the string before.
  uint8_t buffer[MAX_CODES + 2];
  uint8_t *const end = buffer + sizeof buffer;
  gif_position at = {.step = reader->is_interlaced ? 8 : 1, .passes_left = reader->is_interlaced ? 3 : 0};
  // Of the string before; -1 at the beginning and after each clear code.
  int before = -1;
  codes->code_bits = pixel_bits + 1;
  codes->next = clear + 2;
  while (!is_full(reader, &at)) {
    int code = next_code(reader, codes);
    if (code < 0 || code == clear + 1) {
      return illmrec_image_fail(result, ILLMREC_IMAGE_TRUNCATED, "its frame ends in row %d of %d", at.y,
                                reader->frame_height);
    }
    if (code == clear) {
      before = -1;
      codes->code_bits = pixel_bits + 1;
      codes->next = clear + 2;
      continue;
    }
    if (code > codes->next || (before < 0 && code > clear)) return fail_broken(result);
    uint8_t *string;
    if (before < 0) {
      string = string_of(codes, code, clear, end);
    } else if (code == codes->next) {
      string = string_of(codes, before, clear, end - 1);
      end[-1] = string[0];
    } else {
      string = string_of(codes, code, clear, end);
    }
    if (before >= 0) add_code(codes, before, string[0]);
    before = code;
    for (; string < end && !is_full(reader, &at); string++) put(reader, &at, *string);
  }
  return ILLMREC_IMAGE_OK;
}

static illmrec_image_status decode_frame(gif_reader *reader, illmrec_image_result *result) {
  size_t pixels = (size_t)reader->base.width * (size_t)reader->base.height;
  reader->screen = malloc(pixels);
  gif_codes *codes = calloc(1, sizeof *codes);
  if (reader->screen == NULL || codes == NULL) {
    free(codes);
    return illmrec_image_fail(result, ILLMREC_IMAGE_NO_MEMORY, "no memory for the frame");
  }
  memset(reader->screen, reader->background, pixels);
  illmrec_image_status status = decode_pixels(reader, codes, result);
  free(codes);
  return status;
}

static illmrec_image_status read_rows(illmrec_image_reader *base, uint8_t *rgb, int32_t rows,
                                      illmrec_image_result *result) {
  gif_reader *reader = (gif_reader *)base;
  if (reader->screen == NULL && decode_frame(reader, result) != ILLMREC_IMAGE_OK) return result->status;
  const uint8_t *indices = reader->screen + (size_t)base->next_row * (size_t)base->width;
  size_t pixels = (size_t)base->width * (size_t)rows;
  for (size_t i = 0; i < pixels; i++) memcpy(rgb + 3 * i, reader->colors[indices[i]], 3);
  base->next_row += rows;
  return ILLMREC_IMAGE_OK;
}

static void destroy(illmrec_image_reader *base) {
  gif_reader *reader = (gif_reader *)base;
  free(reader->screen);
  free(reader);
}

// What is before the frame

static int has(const gif_reader *reader, size_t bytes) { return bytes <= reader->count - reader->offset; }

static int little_endian(const uint8_t *bytes) { return bytes[0] | bytes[1] << 8; }

static illmrec_image_status fail_header(illmrec_image_result *result) {
  return illmrec_image_fail(result, ILLMREC_IMAGE_TRUNCATED, "its data ends before the first frame");
}

static int is_gray_ramp(const uint8_t *palette, size_t entries) {
  for (size_t i = 0; i < 3 * entries; i++) {
    if (palette[i] != i / 3) return 0;
  }
  return 1;
}

/// A palette of gray is left out: the frame is gray, or has the colours of the palette before.
static illmrec_image_status read_palette(gif_reader *reader, int flags, illmrec_image_result *result) {
  size_t entries = (size_t)2 << (flags & 7);
  if (!has(reader, 3 * entries)) return fail_header(result);
  const uint8_t *palette = reader->bytes + reader->offset;
  reader->offset += 3 * entries;
  if (is_gray_ramp(palette, entries)) return ILLMREC_IMAGE_OK;
  memset(reader->colors, 0, sizeof reader->colors);
  memcpy(reader->colors, palette, 3 * entries);
  return ILLMREC_IMAGE_OK;
}

/// Takes the transparent index of a graphic control extension, and skips every block.
static illmrec_image_status read_extension(gif_reader *reader, illmrec_image_result *result) {
  if (!has(reader, 2)) return fail_header(result);
  const uint8_t *extension = reader->bytes + reader->offset;
  size_t length = extension[1];
  if (extension[0] == 0xf9 && length >= 4 && has(reader, 2 + length) && (extension[2] & 1) != 0) {
    reader->background = extension[5];
  }
  reader->offset++;
  while (has(reader, 1)) {
    length = reader->bytes[reader->offset++];
    if (length == 0) return ILLMREC_IMAGE_OK;
    if (!has(reader, length)) break;
    reader->offset += length;
  }
  return fail_header(result);
}

static illmrec_image_status read_descriptor(gif_reader *reader, uint64_t max_pixels, illmrec_image_result *result) {
  // The size of the pixels' codes is behind the descriptor.
  if (!has(reader, DESCRIPTOR_BYTES + 1)) return fail_header(result);
  const uint8_t *frame = reader->bytes + reader->offset;
  reader->offset += DESCRIPTOR_BYTES;
  reader->left = little_endian(frame);
  reader->top = little_endian(frame + 2);
  reader->frame_width = little_endian(frame + 4);
  reader->frame_height = little_endian(frame + 6);
  reader->is_interlaced = (frame[8] & IS_INTERLACED) != 0;
  if (reader->frame_width == 0 || reader->frame_height == 0) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "its frame has %d x %d pixels", reader->frame_width,
                              reader->frame_height);
  }
  int32_t width = reader->left + reader->frame_width, height = reader->top + reader->frame_height;
  if (width > reader->base.width) reader->base.width = width;
  if (height > reader->base.height) reader->base.height = height;
  if (illmrec_image_check_size((uint64_t)reader->base.width, (uint64_t)reader->base.height, max_pixels, result) !=
      ILLMREC_IMAGE_OK) {
    return result->status;
  }
  if ((frame[8] & HAS_PALETTE) != 0 && read_palette(reader, frame[8], result) != ILLMREC_IMAGE_OK) {
    return result->status;
  }
  return has(reader, 1) ? ILLMREC_IMAGE_OK : fail_header(result);
}

static illmrec_image_status find_frame(gif_reader *reader, uint64_t max_pixels, illmrec_image_result *result) {
  if (reader->count < HEADER_BYTES) return fail_header(result);
  reader->base.width = little_endian(reader->bytes + 6);
  reader->base.height = little_endian(reader->bytes + 8);
  int flags = reader->bytes[10];
  reader->offset = HEADER_BYTES;
  illmrec_image_gray_ramp(reader->colors);
  if ((flags & HAS_PALETTE) != 0 && read_palette(reader, flags, result) != ILLMREC_IMAGE_OK) return result->status;
  while (has(reader, 1)) {
    uint8_t kind = reader->bytes[reader->offset++];
    if (kind == ',') return read_descriptor(reader, max_pixels, result);
    if (kind == ';') return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "it holds no frame");
    if (kind == '!' && read_extension(reader, result) != ILLMREC_IMAGE_OK) return result->status;
  }
  return fail_header(result);
}

illmrec_image_reader *illmrec_gif_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                illmrec_image_result *result) {
  gif_reader *reader = illmrec_image_allocate_reader(sizeof *reader, read_rows, destroy, result);
  if (reader == NULL) return NULL;
  reader->bytes = bytes;
  reader->count = count;
  if (find_frame(reader, max_pixels, result) == ILLMREC_IMAGE_OK) {
    reader->base.memory = (uint64_t)reader->base.width * (uint64_t)reader->base.height;
    return &reader->base;
  }
  destroy(&reader->base);
  return NULL;
}
