// SPDX-License-Identifier: Apache-2.0

#include "seed_files.h"

#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

seed_file seed_jpeg(const uint8_t *pixels, int side, int components, bool is_progressive, int restarts) {
  struct jpeg_compress_struct codec;
  struct jpeg_error_mgr errors;
  unsigned char *bytes = NULL;
  unsigned long count = 0;
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  jpeg_mem_dest(&codec, &bytes, &count);
  codec.image_width = codec.image_height = (JDIMENSION)side;
  codec.input_components = components;
  codec.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&codec);
  if (is_progressive) jpeg_simple_progression(&codec);
  codec.restart_interval = (unsigned)restarts;
  jpeg_start_compress(&codec, TRUE);
  for (int y = 0; y < side; y++) {
    JSAMPROW row = (JSAMPROW)(pixels + components * side * y);
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  return (seed_file){bytes, count};
}

seed_file seed_png(const uint8_t *pixels, int width, int height, bool is_interlaced) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  char *bytes = NULL;
  size_t count = 0;
  FILE *stream = open_memstream(&bytes, &count);
  png_init_io(png, stream);
  png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB, is_interlaced, 0, 0);
  png_bytepp rows = malloc((size_t)height * sizeof *rows);
  for (int y = 0; y < height; y++) rows[y] = (png_bytep)(pixels + 3 * width * y);
  png_set_rows(png, info, rows);
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
  png_destroy_write_struct(&png, &info);
  fclose(stream);
  free(rows);
  return (seed_file){(uint8_t *)bytes, count};
}

seed_file seed_webp(const uint8_t *pixels, int width, int height, bool is_lossless) {
  seed_file file = {NULL, 0};
  file.count = is_lossless ? WebPEncodeLosslessRGB(pixels, width, height, 3 * width, &file.bytes)
                           : WebPEncodeRGB(pixels, width, height, 3 * width, 60, &file.bytes);
  return file;
}
