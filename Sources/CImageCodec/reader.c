// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

illmrec_image_status illmrec_image_fail(illmrec_image_result *result, illmrec_image_status status, const char *format,
                                        ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(result->message, sizeof result->message, format, arguments);
  va_end(arguments);
  result->status = status;
  return status;
}

void *illmrec_image_allocate_reader(size_t size, illmrec_image_read *read, illmrec_image_destroy *destroy,
                                    illmrec_image_result *result) {
  illmrec_image_reader *reader = calloc(1, size);
  if (reader == NULL) {
    illmrec_image_fail(result, ILLMREC_IMAGE_NO_MEMORY, "no memory for the decoder");
    return NULL;
  }
  reader->read = read;
  reader->destroy = destroy;
  return reader;
}

illmrec_image_status illmrec_image_check_size(uint64_t width, uint64_t height, uint64_t max_pixels,
                                              illmrec_image_result *result) {
  if (width == 0 || height == 0) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "its header says %llu x %llu pixels",
                              (unsigned long long)width, (unsigned long long)height);
  }
  if (width > ILLMREC_IMAGE_MAX_SIDE || height > ILLMREC_IMAGE_MAX_SIDE) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_TOO_MANY_PIXELS,
                              "its header says %llu x %llu pixels, a side may have %d", (unsigned long long)width,
                              (unsigned long long)height, ILLMREC_IMAGE_MAX_SIDE);
  }
  if (width * height > max_pixels) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_TOO_MANY_PIXELS,
                              "its header says %llu x %llu = %llu pixels, the limit is %llu", (unsigned long long)width,
                              (unsigned long long)height, (unsigned long long)(width * height),
                              (unsigned long long)max_pixels);
  }
  return ILLMREC_IMAGE_OK;
}

void illmrec_image_gray_ramp(uint8_t colors[256][3]) {
  for (int i = 0; i < 256; i++) memset(colors[i], i, 3);
}

/// Of either order of bytes, and with offsets of 32 or 64 bits.
static int is_tiff(const uint8_t *bytes, size_t count) {
  static const char *const heads[] = {"II*\0", "MM\0*", "II+\0", "MM\0+"};
  for (size_t i = 0; count >= 4 && i < sizeof heads / sizeof heads[0]; i++) {
    if (memcmp(bytes, heads[i], 4) == 0) return 1;
  }
  return 0;
}

/// AVIF or HEIC, by the brand of the first box.
static int is_heif(const uint8_t *bytes, size_t count) {
  static const char *const brands[] = {"avif", "heic", "heix", "heim", "heis", "mif1"};
  if (count < 12 || memcmp(bytes + 4, "ftyp", 4) != 0) return 0;
  for (size_t i = 0; i < sizeof brands / sizeof brands[0]; i++) {
    if (memcmp(bytes + 8, brands[i], 4) == 0) return 1;
  }
  return 0;
}

illmrec_image_reader *illmrec_image_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                  illmrec_image_result *result) {
  static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  result->status = ILLMREC_IMAGE_OK;
  result->message[0] = '\0';
  if (count >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff) {
    return illmrec_jpeg_reader_create(bytes, count, max_pixels, result);
  }
  if (count >= 8 && memcmp(bytes, png, 8) == 0) {
    return illmrec_png_reader_create(bytes, count, max_pixels, result);
  }
  if (count >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0) {
    return illmrec_webp_reader_create(bytes, count, max_pixels, result);
  }
  if (count >= 6 && (memcmp(bytes, "GIF87a", 6) == 0 || memcmp(bytes, "GIF89a", 6) == 0)) {
    return illmrec_gif_reader_create(bytes, count, max_pixels, result);
  }
  if (count >= 2 && memcmp(bytes, "BM", 2) == 0) {
    return illmrec_bmp_reader_create(bytes, count, max_pixels, result);
  }
  if (is_tiff(bytes, count)) return illmrec_tiff_reader_create(bytes, count, max_pixels, result);
  if (is_heif(bytes, count)) return illmrec_heif_reader_create(bytes, count, max_pixels, result);
  illmrec_image_fail(result, ILLMREC_IMAGE_UNSUPPORTED, "it begins like no image file that is decoded");
  return NULL;
}

int32_t illmrec_image_reader_width(const illmrec_image_reader *reader) { return reader->width; }

int32_t illmrec_image_reader_height(const illmrec_image_reader *reader) { return reader->height; }

uint64_t illmrec_image_reader_memory(const illmrec_image_reader *reader) { return reader->memory; }

illmrec_image_status illmrec_image_reader_read(illmrec_image_reader *reader, uint8_t *rgb, int32_t rows,
                                               illmrec_image_result *result) {
  result->status = ILLMREC_IMAGE_OK;
  result->message[0] = '\0';
  return reader->read(reader, rgb, rows, result);
}

void illmrec_image_reader_destroy(illmrec_image_reader *reader) {
  if (reader != NULL) reader->destroy(reader);
}
