// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "illmrec_packed.h"

/// Outputs of a panel.
enum { PANEL = 32 };

/// Words of an int8 panel that hold its scales.
enum { SCALE_WORDS = PANEL };

static inline size_t inputs_per_group(illmrec_packed_format format) {
  return format == ILLMREC_PACKED_INT8 ? 4 : format == ILLMREC_PACKED_BFLOAT16 ? 2 : 1;
}

static inline size_t groups_of(illmrec_packed_format format, size_t inputs) {
  size_t each = inputs_per_group(format);
  return (inputs + each - 1) / each;
}

static inline size_t scale_words(illmrec_packed_format format) {
  return format == ILLMREC_PACKED_INT8 ? SCALE_WORDS : 0;
}

/// 32-bit words of one panel.
static inline size_t panel_words(illmrec_packed_format format, size_t inputs) {
  return scale_words(format) + groups_of(format, inputs) * PANEL;
}

/// A product of up to `rows_max` packed rows and one panel.
typedef struct {
  /// Words of the rows: `words_per_group` times `lanes` for each group, see `packed_path`.
  const uint32_t *rows;
  /// 32 words for each group.
  const uint32_t *panel;
  /// 16 words for each group, of what is multiplied next: fetched into the second-level cache meanwhile.
  const uint32_t *next;
  size_t groups;
  size_t row_count;
  /// Of the panel that y has: 1 to 32.
  size_t columns;
  float *y;
  size_t y_stride;
  /// Whether the former y is added.
  bool adds;
  /// [columns], or NULL.
  const float *bias;
  /// int8: of the rows, and the sums of their elements.
  const float *row_scales;
  const int32_t *row_sums;
  /// int8: [32], of the panel.
  const float *scales;
} packed_tile;

/// What a word of a packed row holds.
typedef enum {
  /// One input as a float.
  ROWS_FLOAT32,
  /// Two inputs as bfloat16.
  ROWS_BFLOAT16,
  /// Four inputs as signed 8-bit integers.
  ROWS_INT8,
} packed_row_format;

static inline size_t inputs_per_word(packed_row_format format) {
  return format == ROWS_FLOAT32 ? 1 : format == ROWS_BFLOAT16 ? 2 : 4;
}

/// Words of a row that meet one group of a panel.
static inline size_t words_per_group(illmrec_packed_format format, packed_row_format rows) {
  return inputs_per_group(format) / inputs_per_word(rows);
}

/// A way to multiply.
typedef struct {
  packed_row_format rows;
  /// Rows that one tile takes.
  size_t rows_max;
  /// Words from one input's word of the first row to the next input's: `rows_max` or more.
  size_t lanes;
  void (*multiply)(const packed_tile *tile);
} packed_path;

/// The ways there are: bfloat16 widened to floats, int8, bfloat16 as it is, and floats.
extern const packed_path packed_widened_portable, packed_int8_portable, packed_float32_portable;
#if defined(__x86_64__)
extern const packed_path packed_widened_avx2, packed_int8_avx2, packed_int8_avx_vnni, packed_float32_avx2;
extern const packed_path packed_widened_avx512, packed_int8_avx512, packed_native_avx512, packed_float32_avx512;
#endif

/// The one that multiplies `format` on `path`; NULL where there is none.
const packed_path *packed_path_for(illmrec_packed_format format, illmrec_path path);

/// The one that multiplies floats.
const packed_path *packed_float32_path(illmrec_isa isa);

/// Up to `lanes` rows of x, to be written as a path reads them.
typedef struct {
  packed_row_format format;
  size_t words_per_group;
  size_t lanes;
  const float *x;
  size_t x_stride;
  size_t row_count;
  size_t inputs;
  /// int8: what an element is multiplied with before it is rounded; [row_count].
  const float *inverse_scales;
  /// int8: of the row's integers; what is packed is added. [row_count].
  int32_t *sums;
} row_source;

/// Writes the groups [begin, begin + count): `count * words_per_group * lanes` words. Inputs beyond the last are zero;
/// lanes beyond the last row are left as they are.
void pack_rows(const row_source *source, size_t begin, size_t count, uint32_t *out);

/// The scale of one row's 8-bit integers and its inverse. The scale is not a number for a row that holds a NaN or an
/// infinity; such a row's integers are zero.
void measure_row(const float *x, size_t inputs, float *scale, float *inverse_scale);

/// Writes one panel of a matrix in floats [outputs, inputs]. `panel_words(ILLMREC_PACKED_FLOAT32, inputs)` words.
void pack_float_panel(const float *weight, size_t outputs, size_t inputs, size_t panel, uint32_t *out);

/// Writes one panel of the transpose of a bfloat16 matrix [outputs, inputs]: its inputs from 32 * panel on, each with all
/// outputs. `panel_words(ILLMREC_PACKED_BFLOAT16, outputs)` words.
void transpose_panel(const uint32_t *packed, size_t outputs, size_t inputs, size_t panel, uint32_t *out);
