// SPDX-License-Identifier: Apache-2.0

#include "seed_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <tiffio.h>
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

seed_file seed_gif(const uint8_t *pixels, int side, bool is_interlaced) {
  char *bytes = NULL;
  size_t count = 0;
  FILE *stream = open_memstream(&bytes, &count);
  const uint8_t head[] = {'G',
                          'I',
                          'F',
                          '8',
                          '9',
                          'a',
                          (uint8_t)side,
                          0,
                          (uint8_t)side,
                          0,
                          0,
                          0,
                          0,
                          ',',
                          0,
                          0,
                          0,
                          0,
                          (uint8_t)side,
                          0,
                          (uint8_t)side,
                          0,
                          is_interlaced ? 0x40 : 0,
                          7};
  fwrite(head, 1, sizeof head, stream);
  // A clear code before every pixel keeps codes at 8 bits.
  for (int i = 0; i < side * side; i++) {
    const uint8_t block[] = {2, 0x80, pixels[i] & 0x7f};
    fwrite(block, 1, sizeof block, stream);
  }
  fwrite("\0;", 1, 2, stream);
  fclose(stream);
  return (seed_file){(uint8_t *)bytes, count};
}

seed_file seed_bmp(const uint8_t *pixels, int side, int bits, int compression) {
  char *bytes = NULL;
  size_t count = 0;
  FILE *stream = open_memstream(&bytes, &count);
  size_t palette = bits <= 8 ? (size_t)4 << bits : compression == 3 ? 12 : 0, offset = 54 + palette;
  uint8_t head[54] = {'B', 'M', 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)offset, (uint8_t)(offset >> 8), 0, 0, 40};
  head[18] = head[22] = (uint8_t)side, head[26] = 1, head[28] = (uint8_t)bits, head[30] = (uint8_t)compression;
  fwrite(head, 1, sizeof head, stream);
  const uint32_t masks[] = {bits == 16 ? 0xf800 : 0xff0000, bits == 16 ? 0x7e0 : 0xff00, bits == 16 ? 0x1f : 0xff};
  fwrite(compression == 3 ? (const void *)masks : pixels, 1, palette, stream);
  fwrite(pixels, 1, (size_t)(side * bits + 31) / 32 * 4 * (size_t)side, stream);
  fclose(stream);
  return (seed_file){(uint8_t *)bytes, count};
}

// libtiff writes into memory that grows.

typedef struct {
  uint8_t *bytes;
  size_t count, capacity, offset;
} growing;

static tmsize_t growing_read(thandle_t handle, void *out, tmsize_t count) {
  growing *file = handle;
  size_t rest = file->offset < file->count ? file->count - file->offset : 0;
  size_t taken = (size_t)count < rest ? (size_t)count : rest;
  memcpy(out, file->bytes + file->offset, taken);
  file->offset += taken;
  return (tmsize_t)taken;
}

static tmsize_t growing_write(thandle_t handle, void *bytes, tmsize_t count) {
  growing *file = handle;
  size_t end = file->offset + (size_t)count;
  if (end > file->capacity) {
    file->capacity = 2 * end;
    file->bytes = realloc(file->bytes, file->capacity);
  }
  if (file->offset > file->count) memset(file->bytes + file->count, 0, file->offset - file->count);
  memcpy(file->bytes + file->offset, bytes, (size_t)count);
  file->offset = end;
  if (end > file->count) file->count = end;
  return count;
}

static toff_t growing_seek(thandle_t handle, toff_t offset, int whence) {
  growing *file = handle;
  file->offset = (whence == SEEK_CUR ? file->offset : whence == SEEK_END ? file->count : 0) + (size_t)offset;
  return file->offset;
}

static int growing_close(thandle_t handle) {
  (void)handle;
  return 0;
}

static toff_t growing_size(thandle_t handle) { return ((growing *)handle)->count; }

static bool write_tiff(TIFF *tiff, const uint8_t *pixels, int side, int samples, bool is_tiled, bool is_planar) {
  uint8_t buffer[3 * 64 * 64];
  memset(buffer, 0, sizeof buffer);
  for (uint16_t plane = 0; plane < (is_planar ? samples : 1); plane++) {
    if (is_tiled) {
      memcpy(buffer, pixels, (size_t)(samples * side * side));
      if (TIFFWriteTile(tiff, buffer, 0, 0, 0, plane) == -1) return false;
      continue;
    }
    for (int y = 0; y < side; y++) {
      memcpy(buffer, pixels + samples * side * y, (size_t)(samples * side));
      if (TIFFWriteScanline(tiff, buffer, (uint32_t)y, plane) != 1) return false;
    }
  }
  return true;
}

seed_file seed_tiff(const uint8_t *pixels, int side, int compression, bool is_tiled, bool is_planar, bool is_turned) {
  growing file = {NULL, 0, 0, 0};
  int is_bilevel = compression >= 2 && compression <= 4, samples = is_bilevel ? 1 : 3;
  TIFFSetErrorHandler(NULL);
  TIFFSetWarningHandler(NULL);
  TIFF *tiff = TIFFClientOpen("seed", "w", &file, growing_read, growing_write, growing_seek, growing_close,
                              growing_size, NULL, NULL);
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, (uint32_t)side);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, (uint32_t)side);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, is_bilevel ? 1 : 8);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, samples);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, compression);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, is_bilevel ? PHOTOMETRIC_MINISWHITE : PHOTOMETRIC_RGB);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, is_planar ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
  TIFFSetField(tiff, TIFFTAG_ORIENTATION, is_turned ? ORIENTATION_RIGHTTOP : ORIENTATION_TOPLEFT);
  if (is_tiled) {
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, 64);
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, 64);
  } else {
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 16);
  }
  bool is_written = write_tiff(tiff, pixels, side, samples, is_tiled, is_planar);
  TIFFClose(tiff);
  if (is_written) return (seed_file){file.bytes, file.count};
  free(file.bytes);
  return (seed_file){NULL, 0};
}
