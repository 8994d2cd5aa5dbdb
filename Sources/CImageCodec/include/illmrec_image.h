// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>
#include <stdint.h>

/// Encoded images to 8-bit RGB rows, resampled and normalised pixels, and a JPEG writer.
///
/// Pixels are always interleaved R G B, rows from the top. Decoding gives what Pillow's
/// `Image.open(...).convert("RGB")` gives, resampling what its `resize` gives, to the last bit.
/// No function keeps global state, but that libheif is looked for once; an object is used by one thread at a time.

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  ILLMREC_IMAGE_OK = 0,
  /// The data ends before the image does.
  ILLMREC_IMAGE_TRUNCATED,
  /// The data breaks its format's rules.
  ILLMREC_IMAGE_CORRUPT,
  /// No format that is decoded, or a variant of one that is not.
  ILLMREC_IMAGE_UNSUPPORTED,
  /// Larger than the caller allows, in pixels, on one side or in decoding work.
  ILLMREC_IMAGE_TOO_MANY_PIXELS,
  ILLMREC_IMAGE_NO_MEMORY,
} illmrec_image_status;

/// Longest side of any image, so that the memory of one row stays small.
#define ILLMREC_IMAGE_MAX_SIDE 1000000

/// Room for a message, its terminating NUL included.
#define ILLMREC_IMAGE_MESSAGE_BYTES 256

/// What a call came to.
typedef struct {
  illmrec_image_status status;
  /// For a person; empty when `status` is OK.
  char message[ILLMREC_IMAGE_MESSAGE_BYTES];
} illmrec_image_result;

// Reading

/// An image being decoded from the top row down.
typedef struct illmrec_image_reader illmrec_image_reader;

/// Reads the header of a JPEG, PNG, WebP, GIF, BMP or TIFF file, or with libheif of an AVIF or HEIC file, told apart by their
/// first bytes. No memory that grows with the image's size is taken here.
///
/// - bytes: borrowed until `illmrec_image_reader_destroy`.
/// - max_pixels: width times height beyond this is ILLMREC_IMAGE_TOO_MANY_PIXELS.
/// Returns NULL on failure; `result` says why.
illmrec_image_reader *illmrec_image_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                  illmrec_image_result *result);

int32_t illmrec_image_reader_width(const illmrec_image_reader *reader);
int32_t illmrec_image_reader_height(const illmrec_image_reader *reader);

/// Bytes that reading takes beside a few rows: nothing where rows are decoded as they are asked for.
uint64_t illmrec_image_reader_memory(const illmrec_image_reader *reader);

/// Decodes the next `rows` rows into `rgb`, 3 * width * rows bytes. The caller asks for no more rows than the image
/// has. After a failure the reader can only be destroyed.
illmrec_image_status illmrec_image_reader_read(illmrec_image_reader *reader, uint8_t *rgb, int32_t rows,
                                               illmrec_image_result *result);

/// Frees the reader; NULL is allowed.
void illmrec_image_reader_destroy(illmrec_image_reader *reader);

// Orientation

/// How the camera was held, by the EXIF data of a JPEG, PNG or WebP file: 1 for as stored, and where there is none; 2 to 8 by
/// EXIF's numbers. A TIFF's is applied by its reader, as by Pillow.
int illmrec_image_orientation(const uint8_t *bytes, size_t count);

/// Puts `rows` stored rows, the first of which is `first_row`, where they are seen.
///
/// - width, height: of the stored image.
/// - canvas: 3 * width * height bytes; in orientations 5 to 8 its rows have `height` pixels.
void illmrec_image_place_rows(const uint8_t *rgb, int32_t rows, int32_t first_row, int32_t width, int32_t height,
                              int orientation, uint8_t *canvas);

// Resampling

/// Kernels, with Pillow's numbers: what `resample` of a preprocessor_config.json holds.
typedef enum {
  ILLMREC_RESAMPLE_LANCZOS = 1,
  ILLMREC_RESAMPLE_BILINEAR = 2,
  ILLMREC_RESAMPLE_BICUBIC = 3,
  ILLMREC_RESAMPLE_BOX = 4,
  ILLMREC_RESAMPLE_HAMMING = 5,
} illmrec_resample_kernel;

/// Pillow's separable resampling as a stream: rows go in, the resized image comes out at the end.
///
/// Each row is resampled horizontally and rounded to 8 bits, then added with its weight to every output row that
/// needs it. Memory grows with the output and one block of input rows, not with the input's height.
typedef struct illmrec_resampler illmrec_resampler;

/// Returns NULL only when memory is exhausted. All sides are 1 to ILLMREC_IMAGE_MAX_SIDE.
illmrec_resampler *illmrec_resampler_create(int32_t in_width, int32_t in_height, int32_t out_width, int32_t out_height,
                                            illmrec_resample_kernel kernel);

/// Adds the next `rows` rows of the input, in_height of them in all.
void illmrec_resampler_push(illmrec_resampler *resampler, const uint8_t *rgb, int32_t rows);

/// Writes the resized image, 3 * out_width * out_height bytes. Called once, after the last row.
void illmrec_resampler_finish(illmrec_resampler *resampler, uint8_t *rgb);

/// Frees the resampler; NULL is allowed.
void illmrec_resampler_destroy(illmrec_resampler *resampler);

/// chw[c, i] = table[256 * c + rgb[i, c]] for `pixels` pixels i and three channels c.
void illmrec_image_map_to_planes(const uint8_t *rgb, size_t pixels, const float *table, float *chw);

// Writing

/// Encodes `rgb` as a baseline JPEG with 4:2:0 chroma. On success `*bytes` is owned by the caller, who frees it with
/// `illmrec_image_free`.
illmrec_image_status illmrec_jpeg_encode(const uint8_t *rgb, int32_t width, int32_t height, int32_t quality,
                                         uint8_t **bytes, size_t *count, illmrec_image_result *result);

void illmrec_image_free(uint8_t *bytes);

#ifdef __cplusplus
}
#endif
