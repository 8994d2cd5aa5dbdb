// SPDX-License-Identifier: Apache-2.0

#include "resample_axis.h"

#include <stdlib.h>
#include <string.h>

#include "illmrec_cpu.h"

// The arithmetic of Pillow's 8-bit resampling: sums of fixed-point weights in 32-bit integers, one rounding to 8 bits
// after each of the two passes.
//
// Rows are taken in blocks of 16. The horizontal pass works on the block's transpose, so that the 16 rows and three
// channels of a column are 48 neighbouring bytes under one weight: the inner loop has a fixed length and no shuffles.
// Integer sums do not depend on their order, so the vertical pass may add each row as it comes.

#define ROUNDING (1 << (RESAMPLE_PRECISION_BITS - 1))
#define BLOCK_ROWS 16
#define LANES (3 * BLOCK_ROWS)

/// What each feature set has its own code for.
typedef struct {
  void (*resample_block)(illmrec_resampler *resampler);
} resample_functions;

struct illmrec_resampler {
  int32_t in_width, in_height, out_width, out_height;
  resample_axis horizontal, vertical;
  /// Input rows done, and those waiting in `block`.
  int32_t rows_done, rows_waiting;
  /// First output row that still needs input.
  int32_t first_open;
  /// Bytes between the rows of `block`, and of `narrow`: multiples of 16.
  size_t in_stride, out_stride;
  /// [16, in_stride]: input rows.
  uint8_t *block;
  /// [in_width, 3, 16]: their transpose, padded to in_stride columns.
  uint8_t *columns;
  /// [out_width, 3, 16]: after the horizontal pass, padded to out_stride columns.
  uint8_t *narrow_columns;
  /// [16, out_stride]: the same, as rows.
  uint8_t *narrow;
  /// [out_height, out_stride]: sums of the vertical pass.
  int32_t *sums;
  const resample_functions *functions;
  /// Set when the vertical pass comes first: this one changes the height alone, and that one then the width.
  struct illmrec_resampler *across;
};

// Transposition of 16 x 16 bytes

typedef uint8_t bytes16 __attribute__((vector_size(16), aligned(1)));

/// out[j][i] = in[i][j] for 16 x 16 bytes: four rounds that interleave row i with row i + 8.
static inline void transpose16(const uint8_t *in, size_t in_stride, uint8_t *out, size_t out_stride) {
  bytes16 a[16], b[16];
  for (int i = 0; i < 16; i++) a[i] = *(const bytes16 *)(in + in_stride * (size_t)i);
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 8; i++) {
      b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      b[2 * i + 1] =
          __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    memcpy(a, b, sizeof a);
  }
  for (int i = 0; i < 16; i++) *(bytes16 *)(out + out_stride * (size_t)i) = a[i];
}

static inline uint8_t rounded(int32_t sum) {
  int32_t value = sum >> RESAMPLE_PRECISION_BITS;
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/// columns -> narrow_columns
INLINED void pass_horizontally(illmrec_resampler *r) {
  for (int32_t i = 0; i < r->out_width; i++) {
    const uint8_t *column = r->columns + LANES * (size_t)r->horizontal.first[i];
    const int32_t *weights = r->horizontal.weights + (size_t)i * (size_t)r->horizontal.capacity;
    int32_t length = r->horizontal.length[i];
    int32_t sums[LANES];
    for (int lane = 0; lane < LANES; lane++) sums[lane] = ROUNDING;
    for (int32_t j = 0; j < length; j++, column += LANES) {
      int32_t weight = weights[j];
      for (int lane = 0; lane < LANES; lane++) sums[lane] += weight * column[lane];
    }
    uint8_t *out = r->narrow_columns + LANES * (size_t)i;
    for (int lane = 0; lane < LANES; lane++) out[lane] = rounded(sums[lane]);
  }
}

/// Adds weights[k] * row k of `rows` to one output row.
INLINED void add_rows(int32_t *restrict sums, const uint8_t *restrict rows, size_t stride, const int32_t *weights,
                      int32_t count) {
  for (size_t at = 0; at < stride; at += 16) {
    int32_t local[16];
    memcpy(local, sums + at, sizeof local);
    for (int32_t k = 0; k < count; k++) {
      const uint8_t *row = rows + stride * (size_t)k + at;
      for (int lane = 0; lane < 16; lane++) local[lane] += weights[k] * row[lane];
    }
    memcpy(sums + at, local, sizeof local);
  }
}

/// narrow -> sums
INLINED void pass_vertically(illmrec_resampler *r) {
  int32_t block_first = r->rows_done, block_end = r->rows_done + r->rows_waiting;
  for (int32_t y = r->first_open; y < r->out_height && r->vertical.first[y] < block_end; y++) {
    int32_t first = r->vertical.first[y], end = first + r->vertical.length[y];
    if (end <= block_end && y == r->first_open) r->first_open++;
    int32_t from = first > block_first ? first : block_first;
    int32_t to = end < block_end ? end : block_end;
    if (from >= to) continue;
    const int32_t *weights = r->vertical.weights + (size_t)y * (size_t)r->vertical.capacity + (from - first);
    const uint8_t *rows = r->narrow + r->out_stride * (size_t)(from - block_first);
    add_rows(r->sums + r->out_stride * (size_t)y, rows, r->out_stride, weights, to - from);
  }
}

INLINED void resample_block(illmrec_resampler *r) {
  for (size_t at = 0; at < r->in_stride; at += 16) {
    transpose16(r->block + at, r->in_stride, r->columns + at * BLOCK_ROWS, BLOCK_ROWS);
  }
  pass_horizontally(r);
  for (size_t at = 0; at < r->out_stride; at += 16) {
    transpose16(r->narrow_columns + at * BLOCK_ROWS, BLOCK_ROWS, r->narrow + at, r->out_stride);
  }
  pass_vertically(r);
  r->rows_done += r->rows_waiting;
  r->rows_waiting = 0;
}

static void resample_block_portable(illmrec_resampler *r) { resample_block(r); }
static const resample_functions portable = {resample_block_portable};

#if defined(__x86_64__)
TARGET_AVX2 static void resample_block_avx2(illmrec_resampler *r) { resample_block(r); }
static const resample_functions avx2 = {resample_block_avx2};

TARGET_AVX512 static void resample_block_avx512(illmrec_resampler *r) { resample_block(r); }
static const resample_functions avx512 = {resample_block_avx512};
#endif

static const illmrec_variant variants[] = {
#if defined(__x86_64__)
    {ILLMREC_CPU_AVX512, &avx512},
    {ILLMREC_CPU_AVX2, &avx2},
#endif
    {ILLMREC_CPU_PORTABLE, &portable},
};

static size_t padded(size_t bytes) { return (bytes + 15) / 16 * 16; }

static int allocate(illmrec_resampler *r) {
  r->in_stride = padded(3 * (size_t)r->in_width);
  r->out_stride = padded(3 * (size_t)r->out_width);
  size_t sums = r->out_stride * (size_t)r->out_height;
  r->block = calloc(BLOCK_ROWS, r->in_stride);
  r->columns = malloc(BLOCK_ROWS * r->in_stride);
  r->narrow_columns = calloc(BLOCK_ROWS, r->out_stride);
  r->narrow = malloc(BLOCK_ROWS * r->out_stride);
  r->sums = malloc(sizeof(int32_t) * sums);
  if (r->block == NULL || r->columns == NULL || r->narrow_columns == NULL || r->narrow == NULL || r->sums == NULL) {
    return 0;
  }
  for (size_t i = 0; i < sums; i++) r->sums[i] = ROUNDING;
  return 1;
}

/// A resampler of two passes, the horizontal one first.
static illmrec_resampler *create_plain(int32_t in_width, int32_t in_height, int32_t out_width, int32_t out_height,
                                       illmrec_resample_kernel kernel) {
  illmrec_resampler *r = calloc(1, sizeof *r);
  if (r == NULL) return NULL;
  r->in_width = in_width;
  r->in_height = in_height;
  r->out_width = out_width;
  r->out_height = out_height;
  r->functions = illmrec_choose(variants, ILLMREC_ISA_BEST);
  if (resample_axis_create(&r->horizontal, in_width, out_width, kernel) &&
      resample_axis_create(&r->vertical, in_height, out_height, kernel) && allocate(r)) {
    return r;
  }
  illmrec_resampler_destroy(r);
  return NULL;
}

illmrec_resampler *illmrec_resampler_create(int32_t in_width, int32_t in_height, int32_t out_width, int32_t out_height,
                                            illmrec_resample_kernel kernel) {
  // The vertical pass comes first where the height shrinks by over twice as many pixels as the width, as in Pillow 13;
  // earlier versions always began with the horizontal one. A pass that keeps its size changes nothing, so two
  // resamplers in a row do that.
  int64_t rows_lost = (int64_t)in_height - out_height, columns_lost = (int64_t)in_width - out_width;
  if (rows_lost <= 0 || rows_lost <= 2 * columns_lost || columns_lost == 0) {
    return create_plain(in_width, in_height, out_width, out_height, kernel);
  }
  illmrec_resampler *r = create_plain(in_width, in_height, in_width, out_height, kernel);
  if (r == NULL) return NULL;
  r->across = create_plain(in_width, out_height, out_width, out_height, kernel);
  if (r->across != NULL) return r;
  illmrec_resampler_destroy(r);
  return NULL;
}

void illmrec_resampler_push(illmrec_resampler *r, const uint8_t *rgb, int32_t rows) {
  size_t row_bytes = 3 * (size_t)r->in_width;
  for (int32_t y = 0; y < rows; y++) {
    memcpy(r->block + r->in_stride * (size_t)r->rows_waiting, rgb + row_bytes * (size_t)y, row_bytes);
    r->rows_waiting++;
    if (r->rows_waiting == BLOCK_ROWS || r->rows_done + r->rows_waiting == r->in_height)
      r->functions->resample_block(r);
  }
}

static void round_row(const illmrec_resampler *r, int32_t y, uint8_t *row) {
  const int32_t *sums = r->sums + r->out_stride * (size_t)y;
  for (size_t i = 0; i < 3 * (size_t)r->out_width; i++) row[i] = rounded(sums[i]);
}

void illmrec_resampler_finish(illmrec_resampler *r, uint8_t *rgb) {
  for (int32_t y = 0; y < r->out_height; y++) {
    if (r->across != NULL) {
      // `narrow` is free: the last block is done.
      round_row(r, y, r->narrow);
      illmrec_resampler_push(r->across, r->narrow, 1);
    } else {
      round_row(r, y, rgb + 3 * (size_t)r->out_width * (size_t)y);
    }
  }
  if (r->across != NULL) illmrec_resampler_finish(r->across, rgb);
}

void illmrec_resampler_destroy(illmrec_resampler *r) {
  if (r == NULL) return;
  illmrec_resampler_destroy(r->across);
  resample_axis_destroy(&r->horizontal);
  resample_axis_destroy(&r->vertical);
  free(r->block);
  free(r->columns);
  free(r->narrow_columns);
  free(r->narrow);
  free(r->sums);
  free(r);
}

void illmrec_image_map_to_planes(const uint8_t *rgb, size_t pixels, const float *table, float *chw) {
  for (size_t c = 0; c < 3; c++) {
    for (size_t i = 0; i < pixels; i++) chw[c * pixels + i] = table[256 * c + rgb[3 * i + c]];
  }
}
