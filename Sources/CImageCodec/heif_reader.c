// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// AVIF and HEIC by libheif, where the machine has it: it is looked for when the first such file comes, and nothing else needs
// it. What is declared here is of its stable interface, as libheif 1.0 to 1.20 have it. It turns and mirrors images as the file
// says, and so do Pillow and pillow_heif.

#define LIBRARY "libheif.so.1"
/// `heif_colorspace_RGB`, `heif_chroma_interleaved_RGB`, `heif_channel_interleaved`.
#define COLORSPACE_RGB 1
#define CHROMA_RGB 10
#define CHANNEL_RGB 10
/// Codes of `heif_error`.
#define ERROR_UNSUPPORTED_FILE 3
#define ERROR_UNSUPPORTED_FEATURE 4
#define ERROR_MEMORY 6

typedef struct {
  int code, detail;
  const char *message;
} heif_error;

static struct {
  heif_error (*init)(void *);
  void *(*context_alloc)(void);
  void (*context_free)(void *);
  heif_error (*context_read)(void *, const void *, size_t, const void *);
  heif_error (*primary_image)(void *, void **);
  int (*image_width)(const void *);
  int (*image_height)(const void *);
  void (*image_handle_release)(const void *);
  heif_error (*decode)(const void *, void **, int, int, const void *);
  const uint8_t *(*plane)(const void *, int, int *);
  int (*plane_width)(const void *, int);
  int (*plane_height)(const void *, int);
  void (*image_release)(const void *);
  int is_there;
} heif;

static void *symbol(void *library, const char *name, int *is_missing) {
  void *found = dlsym(library, name);
  if (found == NULL) *is_missing = 1;
  return found;
}

static void load_library(void) {
  void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return;
  int is_missing = 0, ignored = 0;
  // A pointer to an object becomes one to a function, as POSIX wants it.
  *(void **)&heif.init = symbol(library, "heif_init", &ignored);
  *(void **)&heif.context_alloc = symbol(library, "heif_context_alloc", &is_missing);
  *(void **)&heif.context_free = symbol(library, "heif_context_free", &is_missing);
  *(void **)&heif.context_read = symbol(library, "heif_context_read_from_memory_without_copy", &is_missing);
  *(void **)&heif.primary_image = symbol(library, "heif_context_get_primary_image_handle", &is_missing);
  *(void **)&heif.image_width = symbol(library, "heif_image_handle_get_width", &is_missing);
  *(void **)&heif.image_height = symbol(library, "heif_image_handle_get_height", &is_missing);
  *(void **)&heif.image_handle_release = symbol(library, "heif_image_handle_release", &is_missing);
  *(void **)&heif.decode = symbol(library, "heif_decode_image", &is_missing);
  *(void **)&heif.plane = symbol(library, "heif_image_get_plane_readonly", &is_missing);
  *(void **)&heif.plane_width = symbol(library, "heif_image_get_width", &is_missing);
  *(void **)&heif.plane_height = symbol(library, "heif_image_get_height", &is_missing);
  *(void **)&heif.image_release = symbol(library, "heif_image_release", &is_missing);
  if (!is_missing && heif.init != NULL) is_missing = heif.init(NULL).code != 0;
  heif.is_there = !is_missing;
}

typedef struct {
  illmrec_image_reader base;
  void *context, *handle;
  /// Decoded by the first read.
  void *image;
  const uint8_t *pixels;
  int stride;
} heif_reader;

static illmrec_image_status fail(heif_error error, illmrec_image_result *result) {
  illmrec_image_status status = error.code == ERROR_UNSUPPORTED_FILE || error.code == ERROR_UNSUPPORTED_FEATURE
                                    ? ILLMREC_IMAGE_UNSUPPORTED
                                : error.code == ERROR_MEMORY ? ILLMREC_IMAGE_NO_MEMORY
                                                             : ILLMREC_IMAGE_CORRUPT;
  const char *message = error.message != NULL ? error.message : "";
  // libheif has no code for data that ends early.
  if (strstr(message, "End of file") != NULL || strstr(message, "end of file") != NULL)
    status = ILLMREC_IMAGE_TRUNCATED;
  return illmrec_image_fail(result, status, "libheif: %s", message);
}

static illmrec_image_status decode(heif_reader *reader, illmrec_image_result *result) {
  heif_error error = heif.decode(reader->handle, &reader->image, COLORSPACE_RGB, CHROMA_RGB, NULL);
  if (error.code != 0) return fail(error, result);
  reader->pixels = heif.plane(reader->image, CHANNEL_RGB, &reader->stride);
  int width = heif.plane_width(reader->image, CHANNEL_RGB), height = heif.plane_height(reader->image, CHANNEL_RGB);
  if (reader->pixels != NULL && width == reader->base.width && height == reader->base.height) return ILLMREC_IMAGE_OK;
  return illmrec_image_fail(result, ILLMREC_IMAGE_CORRUPT, "its header says %d x %d pixels, and it has %d x %d",
                            reader->base.width, reader->base.height, width, height);
}

static illmrec_image_status read_rows(illmrec_image_reader *base, uint8_t *rgb, int32_t rows,
                                      illmrec_image_result *result) {
  heif_reader *reader = (heif_reader *)base;
  if (reader->image == NULL && decode(reader, result) != ILLMREC_IMAGE_OK) return result->status;
  size_t row_bytes = 3 * (size_t)base->width;
  for (int32_t i = 0; i < rows; i++) {
    const uint8_t *row = reader->pixels + (size_t)reader->stride * (size_t)(base->next_row + i);
    memcpy(rgb + row_bytes * (size_t)i, row, row_bytes);
  }
  base->next_row += rows;
  return ILLMREC_IMAGE_OK;
}

static void destroy(illmrec_image_reader *base) {
  heif_reader *reader = (heif_reader *)base;
  if (reader->image != NULL) heif.image_release(reader->image);
  if (reader->handle != NULL) heif.image_handle_release(reader->handle);
  if (reader->context != NULL) heif.context_free(reader->context);
  free(reader);
}

static illmrec_image_status open_file(heif_reader *reader, const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                      illmrec_image_result *result) {
  reader->context = heif.context_alloc();
  if (reader->context == NULL) return illmrec_image_fail(result, ILLMREC_IMAGE_NO_MEMORY, "no memory for the decoder");
  heif_error error = heif.context_read(reader->context, bytes, count, NULL);
  if (error.code == 0) error = heif.primary_image(reader->context, &reader->handle);
  if (error.code != 0) return fail(error, result);
  int width = heif.image_width(reader->handle), height = heif.image_height(reader->handle);
  if (illmrec_image_check_size(width < 0 ? 0 : (uint64_t)width, height < 0 ? 0 : (uint64_t)height, max_pixels,
                               result) != ILLMREC_IMAGE_OK) {
    return result->status;
  }
  reader->base.width = width;
  reader->base.height = height;
  // Planes of 16 bits, and R G B.
  reader->base.memory = 12 * (uint64_t)width * (uint64_t)height;
  return ILLMREC_IMAGE_OK;
}

illmrec_image_reader *illmrec_heif_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                 illmrec_image_result *result) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load_library);
  if (!heif.is_there) {
    illmrec_image_fail(result, ILLMREC_IMAGE_UNSUPPORTED, "%s, which decodes AVIF and HEIC, is not installed", LIBRARY);
    return NULL;
  }
  heif_reader *reader = illmrec_image_allocate_reader(sizeof *reader, read_rows, destroy, result);
  if (reader == NULL) return NULL;
  if (open_file(reader, bytes, count, max_pixels, result) == ILLMREC_IMAGE_OK) return &reader->base;
  destroy(&reader->base);
  return NULL;
}
