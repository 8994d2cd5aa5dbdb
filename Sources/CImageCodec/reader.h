#pragma once

#include "illmrec_image.h"

/// What every format's reader begins with.
struct illmrec_image_reader {
  int32_t width;
  int32_t height;
  /// Rows handed out so far.
  int32_t next_row;
  illmrec_image_status (*read)(illmrec_image_reader *reader, uint8_t *rgb, int32_t rows, illmrec_image_result *result);
  void (*destroy)(illmrec_image_reader *reader);
};

/// Opens one format; the signature at the front has been seen.
illmrec_image_reader *illmrec_jpeg_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                 illmrec_image_result *result);
illmrec_image_reader *illmrec_png_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                illmrec_image_result *result);
illmrec_image_reader *illmrec_webp_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                 illmrec_image_result *result);

/// Fills `result` and returns its status.
illmrec_image_status illmrec_image_fail(illmrec_image_result *result, illmrec_image_status status, const char *format,
                                        ...) __attribute__((format(printf, 3, 4)));

/// Checks a size read from a header.
illmrec_image_status illmrec_image_check_size(uint64_t width, uint64_t height, uint64_t max_pixels,
                                              illmrec_image_result *result);
