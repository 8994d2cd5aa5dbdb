// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "illmrec_image.h"

typedef illmrec_image_status illmrec_image_read(illmrec_image_reader *reader, uint8_t *rgb, int32_t rows,
                                                illmrec_image_result *result);
typedef void illmrec_image_destroy(illmrec_image_reader *reader);

/// What every format's reader begins with.
struct illmrec_image_reader {
  int32_t width;
  int32_t height;
  /// What reading takes beside a few rows, in bytes.
  uint64_t memory;
  /// Rows handed out so far.
  int32_t next_row;
  illmrec_image_read *read;
  illmrec_image_destroy *destroy;
};

/// Opens one format; the signature at the front has been seen.
illmrec_image_reader *illmrec_jpeg_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                 illmrec_image_result *result);
illmrec_image_reader *illmrec_png_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                illmrec_image_result *result);
illmrec_image_reader *illmrec_webp_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                 illmrec_image_result *result);

illmrec_image_reader *illmrec_gif_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                illmrec_image_result *result);
illmrec_image_reader *illmrec_bmp_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                illmrec_image_result *result);
illmrec_image_reader *illmrec_tiff_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                 illmrec_image_result *result);
illmrec_image_reader *illmrec_heif_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                 illmrec_image_result *result);

/// Colours that are their own indices.
void illmrec_image_gray_ramp(uint8_t colors[256][3]);

/// Zeroed memory of `size` bytes for a format's reader, which begins with a `illmrec_image_reader`. NULL, and the result
/// says so, where there is none.
void *illmrec_image_allocate_reader(size_t size, illmrec_image_read *read, illmrec_image_destroy *destroy,
                                    illmrec_image_result *result);

/// Fills `result` and returns its status.
illmrec_image_status illmrec_image_fail(illmrec_image_result *result, illmrec_image_status status, const char *format,
                                        ...) __attribute__((format(printf, 3, 4)));

/// Checks a size read from a header.
illmrec_image_status illmrec_image_check_size(uint64_t width, uint64_t height, uint64_t max_pixels,
                                              illmrec_image_result *result);
