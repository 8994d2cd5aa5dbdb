// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "orientation.h"
#include "tiff_pixels.h"

// libtiff finds the first directory and undoes compression; which pixels are read, and as what, are Pillow's rules
// (tiff_pixels.c). Pillow applies a TIFF's orientation, unlike that of other formats. YCbCr is left to libtiff, and to libjpeg
// within it, as Pillow leaves it. Strips of whole pixels are read row by row; tiles, planes and other orientations need the
// whole image.

/// Of libtiff's own arrays and of a tile, beside what the pixels take.
#define SPARE_BYTES (32u << 20)
#define LEAST_TILE_SIDE 16

typedef struct {
  illmrec_image_reader base;
  const uint8_t *bytes;
  size_t count, offset;
  TIFF *tiff;
  illmrec_image_result *result;
  /// As stored, before it is turned.
  int32_t width, height;
  int orientation;
  illmrec_tiff_pixels pixels;
  int is_separate;
  /// One row as libtiff gives it, and as R G B.
  uint8_t *row, *rgb;
  /// The whole image in R G B, as it is seen.
  uint8_t *canvas;
} tiff_reader;

// libtiff's input and output

static tmsize_t on_read(thandle_t handle, void *out, tmsize_t count) {
  tiff_reader *reader = handle;
  size_t rest = reader->offset < reader->count ? reader->count - reader->offset : 0;
  size_t taken = (size_t)count < rest ? (size_t)count : rest;
  memcpy(out, reader->bytes + reader->offset, taken);
  reader->offset += taken;
  return (tmsize_t)taken;
}

static tmsize_t on_write(thandle_t handle, void *bytes, tmsize_t count) {
  (void)handle, (void)bytes, (void)count;
  return -1;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  tiff_reader *reader = handle;
  size_t base = whence == SEEK_CUR ? reader->offset : whence == SEEK_END ? reader->count : 0;
  reader->offset = base + (size_t)offset;
  if (reader->offset > reader->count) reader->offset = reader->count;
  return reader->offset;
}

static int on_close(thandle_t handle) {
  (void)handle;
  return 0;
}

static toff_t on_size(thandle_t handle) { return ((tiff_reader *)handle)->count; }

static int on_error(TIFF *tiff, void *context, const char *module, const char *format, va_list arguments) {
  (void)tiff, (void)module;
  tiff_reader *reader = context;
  if (reader->result->status != ILLMREC_IMAGE_OK) return 1;
  reader->result->status = ILLMREC_IMAGE_CORRUPT;
  vsnprintf(reader->result->message, sizeof reader->result->message, format, arguments);
  return 1;
}

static int on_warning(TIFF *tiff, void *context, const char *module, const char *format, va_list arguments) {
  (void)tiff, (void)context, (void)module, (void)format, (void)arguments;
  return 1;
}

static illmrec_image_status fail_reading(tiff_reader *reader, int32_t y) {
  illmrec_image_result *result = reader->result;
  if (result->status == ILLMREC_IMAGE_OK) {
    illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "libtiff cannot read its row %d", y);
  }
  static const char *const short_data[] = {"Read error", "Not enough data", "end of", "exceeds file size"};
  for (size_t i = 0; i < sizeof short_data / sizeof short_data[0]; i++) {
    if (strstr(result->message, short_data[i]) != NULL) result->status = ILLMREC_IMAGE_TRUNCATED;
  }
  return result->status;
}

static illmrec_image_status fail_memory(tiff_reader *reader) {
  return illmrec_image_fail(reader->result, ILLMREC_IMAGE_NO_MEMORY, "no memory for the image");
}

// Rows that are read into the canvas

static void place(tiff_reader *reader, const uint8_t *samples, int32_t columns, int32_t x, int32_t y) {
  illmrec_tiff_to_rgb(&reader->pixels, samples, columns, reader->rgb);
  illmrec_image_place(reader->rgb, columns, x, y, reader->width, reader->height, reader->orientation, reader->canvas);
}

static int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }

static illmrec_image_status read_strips(tiff_reader *reader) {
  for (int32_t y = 0; y < reader->height; y++) {
    if (TIFFReadScanline(reader->tiff, reader->row, (uint32_t)y, 0) != 1) return fail_reading(reader, y);
    place(reader, reader->row, reader->width, 0, y);
  }
  return ILLMREC_IMAGE_OK;
}

typedef struct {
  uint32_t width, height;
  size_t bytes, row_bytes;
} tiff_tile;

static illmrec_image_status find_tile(tiff_reader *reader, tiff_tile *tile) {
  TIFFGetField(reader->tiff, TIFFTAG_TILEWIDTH, &tile->width);
  TIFFGetField(reader->tiff, TIFFTAG_TILELENGTH, &tile->height);
  tmsize_t bytes = TIFFTileSize(reader->tiff), row_bytes = TIFFTileRowSize(reader->tiff);
  size_t samples = reader->is_separate ? 1 : (size_t)reader->pixels.samples;
  size_t most = SPARE_BYTES + 4 * samples * (size_t)reader->width * (size_t)reader->height;
  int is_sound = tile->width >= LEAST_TILE_SIDE && tile->height >= LEAST_TILE_SIDE && bytes > 0 && row_bytes > 0 &&
                 tile->width <= ILLMREC_IMAGE_MAX_SIDE && tile->height <= ILLMREC_IMAGE_MAX_SIDE;
  if (!is_sound || (size_t)row_bytes < (tile->width * (size_t)reader->pixels.bits * samples + 7) / 8 ||
      (size_t)bytes < (size_t)row_bytes * tile->height || (size_t)bytes > most) {
    return illmrec_image_fail(reader->result, ILLMREC_IMAGE_CORRUPT, "its tiles have %u x %u pixels in %lld bytes",
                              tile->width, tile->height, (long long)bytes);
  }
  tile->bytes = (size_t)bytes;
  tile->row_bytes = (size_t)row_bytes;
  return ILLMREC_IMAGE_OK;
}

/// What is done with `columns` samples of a plane, or pixels of all planes, from column x of row y on.
typedef void tiff_take(tiff_reader *reader, const uint8_t *samples, int32_t columns, int32_t x, int32_t y, int plane,
                       void *context);

static illmrec_image_status read_tiles(tiff_reader *reader, int plane, tiff_take *take, void *context) {
  tiff_tile tile;
  if (find_tile(reader, &tile) != ILLMREC_IMAGE_OK) return reader->result->status;
  uint8_t *bytes = malloc(tile.bytes);
  if (bytes == NULL) return fail_memory(reader);
  int32_t tile_width = (int32_t)tile.width, tile_height = (int32_t)tile.height;
  for (int32_t y = 0; y < reader->height; y += tile_height) {
    for (int32_t x = 0; x < reader->width; x += tile_width) {
      if (TIFFReadTile(reader->tiff, bytes, (uint32_t)x, (uint32_t)y, 0, (uint16_t)plane) == -1) {
        free(bytes);
        return fail_reading(reader, y);
      }
      int32_t columns = least(tile_width, reader->width - x);
      for (int32_t i = 0; i < least(tile_height, reader->height - y); i++) {
        take(reader, bytes + tile.row_bytes * (size_t)i, columns, x, y + i, plane, context);
      }
    }
  }
  free(bytes);
  return ILLMREC_IMAGE_OK;
}

static void take_pixels(tiff_reader *reader, const uint8_t *samples, int32_t columns, int32_t x, int32_t y, int plane,
                        void *context) {
  (void)plane, (void)context;
  place(reader, samples, columns, x, y);
}

// Planes

/// Keeps a plane's samples, of 16 bits the upper 8, between those of the other planes.
static void take_plane(tiff_reader *reader, const uint8_t *samples, int32_t columns, int32_t x, int32_t y, int plane,
                       void *context) {
  size_t planes = (size_t)reader->pixels.channels;
  uint8_t *out = (uint8_t *)context + planes * ((size_t)y * (size_t)reader->width + (size_t)x) + (size_t)plane;
  for (int32_t i = 0; i < columns; i++) {
    uint16_t sample = samples[i];
    if (reader->pixels.bits == 16) memcpy(&sample, samples + 2 * (size_t)i, sizeof sample);
    out[planes * (size_t)i] = (uint8_t)(reader->pixels.bits == 16 ? sample >> 8 : sample);
  }
}

static illmrec_image_status read_plane(tiff_reader *reader, int plane, uint8_t *samples) {
  if (TIFFIsTiled(reader->tiff)) return read_tiles(reader, plane, take_plane, samples);
  for (int32_t y = 0; y < reader->height; y++) {
    if (TIFFReadScanline(reader->tiff, reader->row, (uint32_t)y, (uint16_t)plane) != 1) return fail_reading(reader, y);
    take_plane(reader, reader->row, reader->width, 0, y, plane, samples);
  }
  return ILLMREC_IMAGE_OK;
}

static illmrec_image_status read_planes(tiff_reader *reader) {
  size_t planes = (size_t)reader->pixels.channels, width = (size_t)reader->width;
  uint8_t *samples = malloc(planes * width * (size_t)reader->height);
  if (samples == NULL) return fail_memory(reader);
  for (int plane = 0; plane < reader->pixels.channels; plane++) {
    if (read_plane(reader, plane, samples) != ILLMREC_IMAGE_OK) {
      free(samples);
      return reader->result->status;
    }
  }
  reader->pixels.bits = 8;
  reader->pixels.samples = reader->pixels.channels;
  for (int32_t y = 0; y < reader->height; y++) place(reader, samples + planes * width * (size_t)y, reader->width, 0, y);
  free(samples);
  return ILLMREC_IMAGE_OK;
}

// Pixels that libtiff converts

static uint32_t rows_of_block(tiff_reader *reader) {
  uint32_t rows = 0;
  int is_tiled = TIFFIsTiled(reader->tiff);
  TIFFGetFieldDefaulted(reader->tiff, is_tiled ? TIFFTAG_TILELENGTH : TIFFTAG_ROWSPERSTRIP, &rows);
  return rows == 0 || rows > (uint32_t)reader->height ? (uint32_t)reader->height : rows;
}

static illmrec_image_status read_converted(tiff_reader *reader) {
  TIFFRGBAImage image;
  char message[1024] = "";
  if (!TIFFRGBAImageOK(reader->tiff, message) || !TIFFRGBAImageBegin(&image, reader->tiff, 1, message)) {
    return illmrec_image_fail(reader->result, ILLMREC_IMAGE_UNSUPPORTED, "libtiff cannot convert its pixels: %s",
                              message);
  }
  image.orientation = image.req_orientation = ORIENTATION_TOPLEFT;
  int32_t rows = (int32_t)rows_of_block(reader);
  uint32_t *raster = malloc(sizeof *raster * (size_t)reader->width * (size_t)rows);
  illmrec_image_status status = raster == NULL ? fail_memory(reader) : ILLMREC_IMAGE_OK;
  for (int32_t y = 0; status == ILLMREC_IMAGE_OK && y < reader->height; y += rows) {
    int32_t count = least(rows, reader->height - y);
    image.row_offset = y;
    if (!TIFFRGBAImageGet(&image, raster, (uint32_t)reader->width, (uint32_t)count)) {
      status = fail_reading(reader, y);
      break;
    }
    for (int32_t i = 0; i < count; i++) {
      const uint32_t *pixels = raster + (size_t)reader->width * (size_t)i;
      for (int32_t x = 0; x < reader->width; x++) {
        uint8_t *out = reader->rgb + 3 * (size_t)x;
        out[0] = TIFFGetR(pixels[x]), out[1] = TIFFGetG(pixels[x]), out[2] = TIFFGetB(pixels[x]);
      }
      illmrec_image_place(reader->rgb, reader->width, 0, y + i, reader->width, reader->height, reader->orientation,
                          reader->canvas);
    }
  }
  free(raster);
  TIFFRGBAImageEnd(&image);
  return status;
}

// Reading

static int is_streamed(tiff_reader *reader) {
  return reader->orientation == 1 && !reader->is_separate && !TIFFIsTiled(reader->tiff) &&
         reader->pixels.kind != ILLMREC_TIFF_CONVERTED;
}

static illmrec_image_status fill_canvas(tiff_reader *reader) {
  reader->canvas = calloc(3 * (size_t)reader->width, (size_t)reader->height);
  if (reader->canvas == NULL) return fail_memory(reader);
  if (reader->pixels.kind == ILLMREC_TIFF_CONVERTED) return read_converted(reader);
  if (reader->is_separate) return read_planes(reader);
  return TIFFIsTiled(reader->tiff) ? read_tiles(reader, 0, take_pixels, NULL) : read_strips(reader);
}

static illmrec_image_status start(tiff_reader *reader) {
  size_t width = (size_t)reader->width;
  tmsize_t row_bytes = TIFFScanlineSize(reader->tiff);
  size_t samples = reader->is_separate ? 1 : (size_t)reader->pixels.samples;
  size_t needed = (width * (size_t)reader->pixels.bits * samples + 7) / 8;
  int is_scanned = !TIFFIsTiled(reader->tiff) && reader->pixels.kind != ILLMREC_TIFF_CONVERTED;
  if (is_scanned && (row_bytes <= 0 || (size_t)row_bytes < needed || (size_t)row_bytes > needed + SPARE_BYTES)) {
    return illmrec_image_fail(reader->result, ILLMREC_IMAGE_CORRUPT, "its rows have %lld bytes, not %zu",
                              (long long)row_bytes, needed);
  }
  reader->row = malloc(is_scanned ? (size_t)row_bytes : 1);
  reader->rgb = malloc(3 * width);
  if (reader->row == NULL || reader->rgb == NULL) return fail_memory(reader);
  return is_streamed(reader) ? ILLMREC_IMAGE_OK : fill_canvas(reader);
}

static illmrec_image_status read_rows(illmrec_image_reader *base, uint8_t *rgb, int32_t rows,
                                      illmrec_image_result *result) {
  tiff_reader *reader = (tiff_reader *)base;
  size_t stride = 3 * (size_t)base->width;
  reader->result = result;
  if (reader->row == NULL && start(reader) != ILLMREC_IMAGE_OK) return result->status;
  if (reader->canvas != NULL) {
    memcpy(rgb, reader->canvas + stride * (size_t)base->next_row, stride * (size_t)rows);
  } else {
    for (int32_t i = 0; i < rows; i++) {
      int32_t y = base->next_row + i;
      if (TIFFReadScanline(reader->tiff, reader->row, (uint32_t)y, 0) != 1) return fail_reading(reader, y);
      illmrec_tiff_to_rgb(&reader->pixels, reader->row, base->width, rgb + stride * (size_t)i);
    }
  }
  base->next_row += rows;
  // What libtiff complained of and read all the same.
  result->status = ILLMREC_IMAGE_OK;
  result->message[0] = '\0';
  return ILLMREC_IMAGE_OK;
}

static void destroy(illmrec_image_reader *base) {
  tiff_reader *reader = (tiff_reader *)base;
  illmrec_image_result ignored = {ILLMREC_IMAGE_OK, ""};
  reader->result = &ignored;
  if (reader->tiff != NULL) TIFFClose(reader->tiff);
  free(reader->row);
  free(reader->rgb);
  free(reader->canvas);
  free(reader);
}

static int on_map(thandle_t handle, void **bytes, toff_t *count) {
  tiff_reader *reader = handle;
  *bytes = (void *)(uintptr_t)reader->bytes;
  *count = reader->count;
  return 1;
}

static void on_unmap(thandle_t handle, void *bytes, toff_t count) { (void)handle, (void)bytes, (void)count; }

static TIFF *open_file(tiff_reader *reader, uint64_t max_pixels) {
  TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
  if (options == NULL) return NULL;
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)(8 * max_pixels + SPARE_BYTES));
  TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, reader);
  TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, reader);
  TIFF *tiff = TIFFClientOpenExt("image", "rC", reader, on_read, on_write, on_seek, on_close, on_size, on_map, on_unmap,
                                 options);
  TIFFOpenOptionsFree(options);
  return tiff;
}

static illmrec_image_status read_header(tiff_reader *reader, uint64_t max_pixels) {
  reader->tiff = open_file(reader, max_pixels);
  if (reader->tiff == NULL) {
    if (reader->result->status == ILLMREC_IMAGE_OK) {
      illmrec_image_fail(reader->result, ILLMREC_IMAGE_CORRUPT, "libtiff cannot read its header");
    }
    return reader->result->status;
  }
  reader->result->status = ILLMREC_IMAGE_OK;
  reader->result->message[0] = '\0';
  uint32_t width = 0, height = 0;
  TIFFGetField(reader->tiff, TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(reader->tiff, TIFFTAG_IMAGELENGTH, &height);
  if (illmrec_image_check_size(width, height, max_pixels, reader->result) != ILLMREC_IMAGE_OK) {
    return reader->result->status;
  }
  if (illmrec_tiff_pixels_of(reader->tiff, &reader->pixels, reader->result) != ILLMREC_IMAGE_OK) {
    return reader->result->status;
  }
  uint16_t orientation = 1, planes = PLANARCONFIG_CONTIG;
  TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_ORIENTATION, &orientation);
  TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_PLANARCONFIG, &planes);
  reader->is_separate = planes == PLANARCONFIG_SEPARATE && reader->pixels.samples > 1;
  if (reader->is_separate && reader->pixels.bits != 8 && reader->pixels.bits != 16) {
    return illmrec_image_fail(reader->result, ILLMREC_IMAGE_UNSUPPORTED, "it is a TIFF of planes of %d bits",
                              reader->pixels.bits);
  }
  if (reader->is_separate && reader->pixels.is_premultiplied) reader->pixels.channels = 4;
  reader->orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
  reader->width = (int32_t)width;
  reader->height = (int32_t)height;
  reader->base.width = reader->orientation < 5 ? reader->width : reader->height;
  reader->base.height = reader->orientation < 5 ? reader->height : reader->width;
  // The canvas, and planes of one byte or libtiff's pixels of four.
  if (!is_streamed(reader)) reader->base.memory = 7 * (uint64_t)width * height;
  return ILLMREC_IMAGE_OK;
}

illmrec_image_reader *illmrec_tiff_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                 illmrec_image_result *result) {
  tiff_reader *reader = illmrec_image_allocate_reader(sizeof *reader, read_rows, destroy, result);
  if (reader == NULL) return NULL;
  reader->bytes = bytes;
  reader->count = count;
  reader->result = result;
  if (read_header(reader, max_pixels) == ILLMREC_IMAGE_OK) return &reader->base;
  destroy(&reader->base);
  return NULL;
}
