// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

// libpng undoes compression, filters and interlacing; turning samples into RGB is done here, because Pillow's rules
// are its own: 16-bit colour keeps the high byte, 16-bit gray saturates at 255, transparency is dropped, gamma and
// profiles are ignored, and a palette index beyond the palette is black.

#define SIGNATURE_BYTES 8

typedef struct {
  illmrec_image_reader base;
  png_structp png;
  png_infop info;
  jmp_buf escape;
  illmrec_image_result *result;
  const uint8_t *bytes;
  size_t count;
  size_t offset;
  int bit_depth;
  int color_type;
  /// R G B of each value of a one-channel sample of up to 8 bits.
  uint8_t colors[256][3];
  /// One row as libpng gives it.
  uint8_t *row;
  /// The whole image in RGB, for interlaced files.
  uint8_t *image;
} png_reader;

static void on_error(png_structp png, png_const_charp message) {
  png_reader *reader = png_get_error_ptr(png);
  if (reader->result->status == ILLMREC_IMAGE_OK) {
    // libpng's words for compressed data that ends before the last row.
    int is_short = strcmp(message, "Not enough image data") == 0;
    illmrec_image_fail(reader->result, is_short ? ILLMREC_IMAGE_TRUNCATED : ILLMREC_IMAGE_CORRUPT, "%s", message);
  }
  longjmp(reader->escape, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void on_read(png_structp png, png_bytep out, size_t count) {
  png_reader *reader = png_get_io_ptr(png);
  if (count > reader->count - reader->offset) {
    illmrec_image_fail(reader->result, ILLMREC_IMAGE_TRUNCATED, "its data ends at row %d of %d", reader->base.next_row,
                       reader->base.height);
    png_error(png, "truncated");
  }
  memcpy(out, reader->bytes + reader->offset, count);
  reader->offset += count;
}

static uint32_t big_endian(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/// Checks the lengths and checksums of every chunk before the image data, and the size in the header, before libpng
/// sees any of them. libpng then ignores checksums, as Pillow does for the image data.
static illmrec_image_status check_chunks(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                         illmrec_image_result *result) {
  for (size_t at = SIGNATURE_BYTES;; at += 12 + (size_t)big_endian(bytes + at)) {
    if (count - at < 12) return illmrec_image_fail(result, ILLMREC_IMAGE_TRUNCATED, "its data ends within the header");
    const uint8_t *name = bytes + at + 4;
    uint32_t length = big_endian(bytes + at);
    int is_header = memcmp(name, "IHDR", 4) == 0;
    if ((at == SIGNATURE_BYTES) != is_header || (is_header && length != 13)) {
      return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "it does not begin with one IHDR chunk of 13 bytes");
    }
    if (memcmp(name, "IDAT", 4) == 0) return ILLMREC_IMAGE_OK;
    if (length > count - at - 12) {
      return illmrec_image_fail(result, ILLMREC_IMAGE_TRUNCATED, "its data ends within a chunk before the image");
    }
    if (crc32(0, name, length + 4) != big_endian(name + 4 + length)) {
      return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "the checksum of a chunk before the image is wrong");
    }
    if (is_header &&
        illmrec_image_check_size(big_endian(name + 4), big_endian(name + 8), max_pixels, result) != ILLMREC_IMAGE_OK) {
      return result->status;
    }
  }
}

static void set_gray(uint8_t color[3], int value) { memset(color, value, 3); }

static void prepare_colors(png_reader *reader) {
  if (reader->color_type == PNG_COLOR_TYPE_PALETTE) {
    png_colorp palette = NULL;
    int entries = 0;
    png_get_PLTE(reader->png, reader->info, &palette, &entries);
    for (int i = 0; i < entries; i++) {
      reader->colors[i][0] = palette[i].red;
      reader->colors[i][1] = palette[i].green;
      reader->colors[i][2] = palette[i].blue;
    }
  } else if (reader->bit_depth <= 8) {
    int last = (1 << reader->bit_depth) - 1;
    for (int i = 0; i <= last; i++) set_gray(reader->colors[i], i * 255 / last);
  }
}

/// One-channel samples of 1, 2, 4 or 8 bits, the leftmost in the high bits.
static void convert_indexed(const png_reader *reader, const uint8_t *row, int32_t width, int32_t step, uint8_t *rgb) {
  int bits = reader->bit_depth;
  unsigned mask = (1u << bits) - 1;
  for (int32_t x = 0; x < width; x++) {
    size_t bit = (size_t)x * (size_t)bits;
    unsigned value = (row[bit / 8] >> (8 - bits - (int)(bit % 8))) & mask;
    memcpy(rgb + 3 * (size_t)x * (size_t)step, reader->colors[value], 3);
  }
}

/// Samples of whole bytes: `channels` of them, `width_bytes` each, big-endian.
static void convert_direct(const png_reader *reader, const uint8_t *row, int32_t width, int32_t step, uint8_t *rgb) {
  int sample_bytes = reader->bit_depth / 8;
  int has_color = (reader->color_type & PNG_COLOR_MASK_COLOR) != 0;
  int channels = (has_color ? 3 : 1) + ((reader->color_type & PNG_COLOR_MASK_ALPHA) != 0);
  int saturates = reader->color_type == PNG_COLOR_TYPE_GRAY && sample_bytes == 2;
  for (int32_t x = 0; x < width; x++) {
    const uint8_t *samples = row + (size_t)x * (size_t)(channels * sample_bytes);
    uint8_t *out = rgb + 3 * (size_t)x * (size_t)step;
    if (saturates) {
      set_gray(out, samples[0] == 0 ? samples[1] : 255);
    } else {
      out[0] = samples[0];
      out[1] = has_color ? samples[sample_bytes] : samples[0];
      out[2] = has_color ? samples[2 * sample_bytes] : samples[0];
    }
  }
}

/// Turns `width` samples of `row` into every `step`-th pixel of `rgb`.
static void convert_row(const png_reader *reader, const uint8_t *row, int32_t width, int32_t step, uint8_t *rgb) {
  int is_gray = reader->color_type == PNG_COLOR_TYPE_GRAY && reader->bit_depth <= 8;
  if (is_gray || reader->color_type == PNG_COLOR_TYPE_PALETTE) {
    convert_indexed(reader, row, width, step, rgb);
  } else if (reader->color_type == PNG_COLOR_TYPE_RGB && reader->bit_depth == 8 && step == 1) {
    memcpy(rgb, row, 3 * (size_t)width);
  } else {
    convert_direct(reader, row, width, step, rgb);
  }
}

/// Reads the seven passes of an interlaced file into `image`.
static illmrec_image_status read_interlaced(png_reader *reader) {
  int32_t width = reader->base.width, height = reader->base.height;
  size_t stride = 3 * (size_t)width;
  reader->image = malloc(stride * (size_t)height);
  if (reader->image == NULL) {
    return illmrec_image_fail(reader->result, ILLMREC_IMAGE_NO_MEMORY, "no memory for an interlaced image");
  }
  for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++) {
    int32_t columns = (int32_t)PNG_PASS_COLS((png_uint_32)width, pass);
    int32_t rows = (int32_t)PNG_PASS_ROWS((png_uint_32)height, pass);
    if (columns == 0) continue;
    for (int32_t i = 0; i < rows; i++) {
      png_read_row(reader->png, reader->row, NULL);
      size_t y = (size_t)PNG_ROW_FROM_PASS_ROW(i, pass);
      uint8_t *first = reader->image + stride * y + 3 * (size_t)PNG_PASS_START_COL(pass);
      convert_row(reader, reader->row, columns, (int32_t)PNG_PASS_COL_OFFSET(pass), first);
    }
  }
  return ILLMREC_IMAGE_OK;
}

static illmrec_image_status start(png_reader *reader) {
  png_read_update_info(reader->png, reader->info);
  reader->row = malloc(png_get_rowbytes(reader->png, reader->info));
  if (reader->row == NULL) {
    return illmrec_image_fail(reader->result, ILLMREC_IMAGE_NO_MEMORY, "no memory for a row");
  }
  prepare_colors(reader);
  if (png_get_interlace_type(reader->png, reader->info) == PNG_INTERLACE_NONE) return ILLMREC_IMAGE_OK;
  return read_interlaced(reader);
}

static illmrec_image_status read_rows(illmrec_image_reader *base, uint8_t *rgb, int32_t rows,
                                      illmrec_image_result *result) {
  png_reader *reader = (png_reader *)base;
  size_t stride = 3 * (size_t)base->width;
  reader->result = result;
  if (setjmp(reader->escape) != 0) return result->status;
  if (reader->row == NULL && start(reader) != ILLMREC_IMAGE_OK) return result->status;
  if (reader->image != NULL) {
    memcpy(rgb, reader->image + stride * (size_t)base->next_row, stride * (size_t)rows);
    base->next_row += rows;
    return ILLMREC_IMAGE_OK;
  }
  for (int32_t y = 0; y < rows; y++) {
    png_read_row(reader->png, reader->row, NULL);
    convert_row(reader, reader->row, base->width, 1, rgb + stride * (size_t)y);
    base->next_row++;
  }
  return ILLMREC_IMAGE_OK;
}

static void destroy(illmrec_image_reader *base) {
  png_reader *reader = (png_reader *)base;
  png_destroy_read_struct(&reader->png, &reader->info, NULL);
  free(reader->row);
  free(reader->image);
  free(reader);
}

static void read_header(png_reader *reader) {
  png_structp png = reader->png;
  png_set_read_fn(png, reader, on_read);
  png_set_user_limits(png, ILLMREC_IMAGE_MAX_SIDE, ILLMREC_IMAGE_MAX_SIDE);
  png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
  // Text and profiles are compressed too, and nobody here reads them.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_read_info(png, reader->info);
  reader->base.width = (int32_t)png_get_image_width(png, reader->info);
  reader->base.height = (int32_t)png_get_image_height(png, reader->info);
  reader->bit_depth = png_get_bit_depth(png, reader->info);
  reader->color_type = png_get_color_type(png, reader->info);
}

illmrec_image_reader *illmrec_png_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                illmrec_image_result *result) {
  if (check_chunks(bytes, count, max_pixels, result) != ILLMREC_IMAGE_OK) return NULL;
  png_reader *reader = illmrec_image_allocate_reader(sizeof *reader, read_rows, destroy, result);
  if (reader == NULL) return NULL;
  reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
  if (reader->png != NULL) reader->info = png_create_info_struct(reader->png);
  if (reader->info == NULL) {
    destroy(&reader->base);
    illmrec_image_fail(result, ILLMREC_IMAGE_NO_MEMORY, "no memory for the decoder");
    return NULL;
  }
  reader->bytes = bytes;
  reader->count = count;
  reader->result = result;
  if (setjmp(reader->escape) == 0) {
    read_header(reader);
    if (png_get_interlace_type(reader->png, reader->info) != PNG_INTERLACE_NONE) {
      reader->base.memory = 3 * (uint64_t)reader->base.width * (uint64_t)reader->base.height;
    }
    return &reader->base;
  }
  destroy(&reader->base);
  return NULL;
}
