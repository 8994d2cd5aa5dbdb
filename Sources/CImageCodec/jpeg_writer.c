// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

typedef struct {
  struct jpeg_compress_struct codec;
  struct jpeg_error_mgr errors;
  jmp_buf escape;
  illmrec_image_result *result;
  unsigned char *bytes;
  unsigned long count;
} jpeg_writer;

static void error_exit(j_common_ptr codec) {
  jpeg_writer *writer = codec->client_data;
  char message[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, message);
  illmrec_image_fail(writer->result, ILLMREC_IMAGE_UNSUPPORTED, "%s", message);
  longjmp(writer->escape, 1);
}

static void write_image(jpeg_writer *writer, const uint8_t *rgb, int32_t width, int32_t height, int32_t quality) {
  struct jpeg_compress_struct *codec = &writer->codec;
  codec->err = jpeg_std_error(&writer->errors);
  writer->errors.error_exit = error_exit;
  codec->client_data = writer;
  jpeg_create_compress(codec);
  jpeg_mem_dest(codec, &writer->bytes, &writer->count);
  codec->image_width = (JDIMENSION)width;
  codec->image_height = (JDIMENSION)height;
  codec->input_components = 3;
  codec->in_color_space = JCS_RGB;
  jpeg_set_defaults(codec);
  jpeg_set_quality(codec, quality, TRUE);
  jpeg_start_compress(codec, TRUE);
  while (codec->next_scanline < codec->image_height) {
    JSAMPROW row = (JSAMPROW)(rgb + 3 * (size_t)width * codec->next_scanline);
    jpeg_write_scanlines(codec, &row, 1);
  }
  jpeg_finish_compress(codec);
}

illmrec_image_status illmrec_jpeg_encode(const uint8_t *rgb, int32_t width, int32_t height, int32_t quality,
                                         uint8_t **bytes, size_t *count, illmrec_image_result *result) {
  // On the heap: libjpeg writes to `bytes` between setjmp and longjmp, which a local would not survive.
  jpeg_writer *writer = calloc(1, sizeof *writer);
  if (writer == NULL) return illmrec_image_fail(result, ILLMREC_IMAGE_NO_MEMORY, "no memory for the encoder");
  writer->result = result;
  result->status = ILLMREC_IMAGE_OK;
  result->message[0] = '\0';
  if (setjmp(writer->escape) == 0) write_image(writer, rgb, width, height, quality);
  jpeg_destroy_compress(&writer->codec);
  if (result->status == ILLMREC_IMAGE_OK) {
    *bytes = writer->bytes;
    *count = writer->count;
  } else {
    free(writer->bytes);
  }
  illmrec_image_status status = result->status;
  free(writer);
  return status;
}

void illmrec_image_free(uint8_t *bytes) { free(bytes); }
