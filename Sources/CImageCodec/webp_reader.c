// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

// The first frame on its canvas, which for a still image is the image. Alpha is dropped without blending, as Pillow's
// RGBA to RGB does it. libwebp decodes whole frames, so the first read decodes and later ones copy.

typedef struct {
  illmrec_image_reader base;
  WebPDemuxer *demuxer;
  WebPIterator frame;
  /// RGB, made by the first read.
  uint8_t *canvas;
} webp_reader;

static illmrec_image_status fail_decoding(VP8StatusCode code, illmrec_image_result *result) {
  switch (code) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      return illmrec_image_fail(result, ILLMREC_IMAGE_TRUNCATED, "its frame ends too early");
    case VP8_STATUS_OUT_OF_MEMORY:
      return illmrec_image_fail(result, ILLMREC_IMAGE_NO_MEMORY, "no memory for the frame");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return illmrec_image_fail(result, ILLMREC_IMAGE_UNSUPPORTED, "it uses a feature that libwebp does not decode");
    default:
      return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "libwebp reports status %d", (int)code);
  }
}

static illmrec_image_status decode_frame(webp_reader *reader, illmrec_image_result *result) {
  size_t stride = 3 * (size_t)reader->base.width;
  size_t offset = stride * (size_t)reader->frame.y_offset + 3 * (size_t)reader->frame.x_offset;
  WebPDecoderConfig config;
  WebPInitDecoderConfig(&config);
  reader->canvas = calloc((size_t)reader->base.height, stride);
  if (reader->canvas == NULL) return fail_decoding(VP8_STATUS_OUT_OF_MEMORY, result);
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = reader->canvas + offset;
  config.output.u.RGBA.stride = (int)stride;
  config.output.u.RGBA.size = stride * (size_t)reader->base.height - offset;
  VP8StatusCode code = WebPDecode(reader->frame.fragment.bytes, reader->frame.fragment.size, &config);
  return code == VP8_STATUS_OK ? ILLMREC_IMAGE_OK : fail_decoding(code, result);
}

static illmrec_image_status read_rows(illmrec_image_reader *base, uint8_t *rgb, int32_t rows,
                                      illmrec_image_result *result) {
  webp_reader *reader = (webp_reader *)base;
  if (reader->canvas == NULL && decode_frame(reader, result) != ILLMREC_IMAGE_OK) return result->status;
  size_t stride = 3 * (size_t)base->width;
  memcpy(rgb, reader->canvas + stride * (size_t)base->next_row, stride * (size_t)rows);
  base->next_row += rows;
  return ILLMREC_IMAGE_OK;
}

static void destroy(illmrec_image_reader *base) {
  webp_reader *reader = (webp_reader *)base;
  WebPDemuxReleaseIterator(&reader->frame);
  WebPDemuxDelete(reader->demuxer);
  free(reader->canvas);
  free(reader);
}

/// True when the container says that it is longer than the data.
static int is_cut_off(const uint8_t *bytes, size_t count) {
  uint64_t announced =
      (uint64_t)bytes[4] | (uint64_t)bytes[5] << 8 | (uint64_t)bytes[6] << 16 | (uint64_t)bytes[7] << 24;
  return announced + 8 > count;
}

static illmrec_image_status open_container(webp_reader *reader, const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                           illmrec_image_result *result) {
  const WebPData data = {bytes, count};
  reader->demuxer = WebPDemux(&data);
  if (reader->demuxer == NULL) {
    if (is_cut_off(bytes, count)) {
      return illmrec_image_fail(result, ILLMREC_IMAGE_TRUNCATED, "it is shorter than its header says");
    }
    return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "its chunks do not form a WebP file");
  }
  uint32_t width = WebPDemuxGetI(reader->demuxer, WEBP_FF_CANVAS_WIDTH);
  uint32_t height = WebPDemuxGetI(reader->demuxer, WEBP_FF_CANVAS_HEIGHT);
  if (illmrec_image_check_size(width, height, max_pixels, result) != ILLMREC_IMAGE_OK) return result->status;
  if (!WebPDemuxGetFrame(reader->demuxer, 1, &reader->frame)) {
    return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "it holds no frame");
  }
  reader->base.width = (int32_t)width;
  reader->base.height = (int32_t)height;
  // The canvas, and the four bytes that libwebp keeps of each pixel of a lossless frame.
  reader->base.memory = 7 * (uint64_t)width * height;
  return ILLMREC_IMAGE_OK;
}

illmrec_image_reader *illmrec_webp_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                 illmrec_image_result *result) {
  webp_reader *reader = illmrec_image_allocate_reader(sizeof *reader, read_rows, destroy, result);
  if (reader == NULL) return NULL;
  if (open_container(reader, bytes, count, max_pixels, result) == ILLMREC_IMAGE_OK) return &reader->base;
  destroy(&reader->base);
  return NULL;
}
