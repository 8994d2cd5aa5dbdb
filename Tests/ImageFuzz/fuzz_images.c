// SPDX-License-Identifier: Apache-2.0

// libFuzzer target for CImageCodec: decodes, and resizes on the way, whatever bytes it is given. See scripts/fuzz-images.sh.

#include <stdlib.h>

#include "illmrec_image.h"

#define ROWS 16
#define MAX_PIXELS 1000000

static void resize(illmrec_image_reader *reader) {
  static uint8_t out[3 * 24 * 24];
  illmrec_image_result result;
  int32_t width = illmrec_image_reader_width(reader), height = illmrec_image_reader_height(reader);
  illmrec_resampler *resampler = illmrec_resampler_create(width, height, 24, 24, ILLMREC_RESAMPLE_BICUBIC);
  uint8_t *rows = malloc(3 * ROWS * (size_t)width);
  for (int32_t y = 0; y < height; y += ROWS) {
    int32_t count = height - y < ROWS ? height - y : ROWS;
    if (illmrec_image_reader_read(reader, rows, count, &result) != ILLMREC_IMAGE_OK) break;
    illmrec_resampler_push(resampler, rows, count);
    if (y + count == height) illmrec_resampler_finish(resampler, out);
  }
  free(rows);
  illmrec_resampler_destroy(resampler);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  illmrec_image_result result;
  illmrec_image_reader *reader = illmrec_image_reader_create(bytes, count, MAX_PIXELS, &result);
  if (reader == NULL) return 0;
  resize(reader);
  illmrec_image_reader_destroy(reader);
  return 0;
}
