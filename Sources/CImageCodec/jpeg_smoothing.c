// SPDX-License-Identifier: Apache-2.0

// The last row of MCUs in which the last scan had data is told by libjpeg-turbo's own header alone.
#define JPEG_INTERNALS

#include "jpeg_smoothing.h"

#include <stdint.h>

// The block smoothing of libjpeg-turbo 3, which Pillow holds, to the last bit. That of Debian's 2.1.5 takes other
// neighbours in the second rows from the top and the bottom and in components of two columns, and gives other pixels.
// A coefficient is estimated where it is zero and some of its bits are unknown: as in section K.8 of ITU-T T.81, but
// from five by five blocks, whose weights are libjpeg-turbo's.

#define SIDE 5
#define REACH 2
#define ESTIMATED 10

/// 256 times a coefficient, in units of the DC coefficients around, row by row.
typedef int16_t weights[SIDE][SIDE];

typedef struct {
  /// Where the coefficient stands in a block, row by row. The list itself is in zigzag order.
  uint8_t position;
  /// The weights are those of the coefficient mirrored at the diagonal.
  uint8_t is_mirrored;
  /// Used where no AC coefficient of the component is known at all.
  const weights *alone;
  /// Used where some are; NULL where nothing is estimated then.
  const weights *among_known;
} estimate;

static const weights dc = {
    {-2, -6, -8, -6, -2}, {-6, 6, 42, 6, -6}, {-8, 42, 152, 42, -8}, {-6, 6, 42, 6, -6}, {-2, -6, -8, -6, -2}};
static const weights ac01 = {
    {-1, -1, 0, 1, 1}, {-3, 13, 0, -13, 3}, {-3, 38, 0, -38, 3}, {-3, 13, 0, -13, 3}, {-1, -1, 0, 1, 1}};
static const weights ac01_among_known = {{0}, {0}, {-7, 50, 0, -50, 7}, {0}, {0}};
static const weights ac02 = {{0}, {0, 2, -5, 2, 0}, {1, 7, -14, 7, 1}, {0, 2, -5, 2, 0}, {0}};
static const weights ac02_among_known = {{0}, {0}, {-1, 13, -24, 13, -1}, {0}, {0}};
static const weights ac11 = {{-1, 0, 0, 0, 1}, {0, 9, 0, -9, 0}, {0}, {0, -9, 0, 9, 0}, {1, 0, 0, 0, -1}};
static const weights ac11_among_known = {
    {0, -1, 0, 1, 0}, {-1, 10, 0, -10, 1}, {0}, {1, -10, 0, 10, -1}, {0, 1, 0, -1, 0}};
static const weights ac03 = {{0}, {0, 1, 0, -1, 0}, {0, 2, 0, -2, 0}, {0, 1, 0, -1, 0}, {0}};
static const weights ac12 = {{0}, {0, 1, -3, 1, 0}, {0}, {0, -1, 3, -1, 0}, {0}};

static const estimate estimates[ESTIMATED] = {
    {0, 0, &dc, NULL},
    {1, 0, &ac01, &ac01_among_known},
    {8, 1, &ac01, &ac01_among_known},
    {16, 1, &ac02, &ac02_among_known},
    {9, 0, &ac11, &ac11_among_known},
    {2, 0, &ac02, &ac02_among_known},
    {3, 0, &ac03, NULL},
    {10, 0, &ac12, NULL},
    {17, 1, &ac12, NULL},
    {24, 1, &ac03, NULL},
};

/// One component, and one row of its blocks at a time.
typedef struct {
  j_decompress_ptr codec;
  jpeg_component_info *component;
  jvirt_barray_ptr blocks;
  /// The DC coefficients as they were read, of all rows that are kept, also those below the image.
  JCOEF *means;
  /// Of the first coefficients in zigzag order: how many low bits are unknown, -1 for all.
  const int *unknown_bits;
  int nothing_known;
  /// The rows of `means` around.
  const JCOEF *rows[SIDE];
} smoother;

static JDIMENSION kept_rows(const jpeg_component_info *component) {
  JDIMENSION factor = (JDIMENSION)component->v_samp_factor;
  return (component->height_in_blocks + factor - 1) / factor * factor;
}

static JBLOCKROW block_row(const smoother *s, JDIMENSION row) {
  j_common_ptr codec = (j_common_ptr)s->codec;
  return s->codec->mem->access_virt_barray(codec, s->blocks, row, 1, TRUE)[0];
}

static void copy_means(smoother *s) {
  JDIMENSION columns = s->component->width_in_blocks, rows = kept_rows(s->component);
  size_t bytes = (size_t)columns * rows * sizeof *s->means;
  s->means = s->codec->mem->alloc_large((j_common_ptr)s->codec, JPOOL_IMAGE, bytes);
  for (JDIMENSION y = 0; y < rows; y++) {
    JBLOCKROW blocks = block_row(s, y);
    for (JDIMENSION x = 0; x < columns; x++) s->means[(size_t)y * columns + x] = blocks[x][0];
  }
}

/// The weighted sum of the means around block `x`; beyond the edge the outermost ones are taken again.
static int32_t sum_around(const smoother *s, JDIMENSION x, const weights *by, int is_mirrored) {
  JDIMENSION last = s->component->width_in_blocks - 1;
  int32_t sum = 0;
  for (int column = 0; column < SIDE; column++) {
    int64_t at = (int64_t)x + column - REACH;
    JDIMENSION source = at < 0 ? 0 : at > last ? last : (JDIMENSION)at;
    for (int row = 0; row < SIDE; row++) {
      sum += (is_mirrored ? (*by)[column][row] : (*by)[row][column]) * s->rows[row][source];
    }
  }
  return sum;
}

static JCOEF rounded(int64_t sum, int64_t step, int unknown_bits) {
  int64_t magnitude = ((step << 7) + (sum < 0 ? -sum : sum)) / (step << 8);
  // What was told of the coefficient says that it is smaller.
  if (unknown_bits > 0 && magnitude >= 1 << unknown_bits) magnitude = (1 << unknown_bits) - 1;
  return (JCOEF)(sum < 0 ? -magnitude : magnitude);
}

static void smooth_block(const smoother *s, JDIMENSION x, JCOEF *block) {
  const UINT16 *steps = s->component->quant_table->quantval;
  for (int i = ESTIMATED - 1; i >= 0; i--) {
    const estimate *this = &estimates[i];
    const weights *by = s->nothing_known ? this->alone : this->among_known;
    if (by == NULL || (i > 0 && (s->unknown_bits[i] == 0 || block[this->position] != 0))) continue;
    int64_t sum = (int64_t)steps[0] * sum_around(s, x, by, this->is_mirrored);
    block[this->position] = rounded(sum, steps[this->position], i == 0 ? 0 : s->unknown_bits[i]);
  }
}

/// Chooses the rows around row `y` of the image, which is row `index` of `count` by libjpeg-turbo's count: it takes the
/// rows of MCUs above for as high as this one, which in the last row of MCUs may be less.
static void choose_rows(smoother *s, JDIMENSION y, JDIMENSION index, JDIMENSION count) {
  JDIMENSION above = index > 0, below = index + 1 < count;
  JDIMENSION around[SIDE] = {y - above - (index > 1), y - above, y, y + below, y + below + (index + 2 < count)};
  for (int i = 0; i < SIDE; i++) s->rows[i] = s->means + (size_t)around[i] * s->component->width_in_blocks;
}

static void smooth_mcu_row(smoother *s, JDIMENSION mcu_row) {
  JDIMENSION factor = (JDIMENSION)s->component->v_samp_factor, first = mcu_row * factor;
  JDIMENSION left = s->component->height_in_blocks - first, rows = left < factor ? left : factor;
  for (JDIMENSION i = 0; i < rows; i++) {
    choose_rows(s, first + i, mcu_row * rows + i, s->codec->total_iMCU_rows * rows);
    JBLOCKROW blocks = block_row(s, first + i);
    for (JDIMENSION x = 0; x < s->component->width_in_blocks; x++) smooth_block(s, x, blocks[x]);
  }
}

static void smooth_component(smoother *s, const int *told_last, const int *told_before) {
  copy_means(s);
  for (JDIMENSION row = 0; row < s->codec->total_iMCU_rows; row++) {
    s->unknown_bits = row > s->codec->master->last_good_iMCU_row ? told_before : told_last;
    s->nothing_known = 1;
    for (int i = 1; i < ESTIMATED; i++) s->nothing_known &= s->unknown_bits[i] == -1;
    smooth_mcu_row(s, row);
  }
}

/// True when a component's steps can be divided by and its DC coefficients are known at least in part.
static int can_smooth(j_decompress_ptr codec, int component) {
  const JQUANT_TBL *table = codec->comp_info[component].quant_table;
  if (table == NULL || codec->coef_bits[component][0] < 0) return 0;
  for (int i = 0; i < ESTIMATED; i++) {
    if (table->quantval[estimates[i].position] == 0) return 0;
  }
  return 1;
}

static int is_useful(j_decompress_ptr codec) {
  int useful = 0;
  if (!codec->progressive_mode || codec->coef_bits == NULL) return 0;
  for (int c = 0; c < codec->num_components; c++) {
    if (!can_smooth(codec, c)) return 0;
    for (int i = 1; i < ESTIMATED; i++) useful |= codec->coef_bits[c][i] != 0;
  }
  return useful;
}

void illmrec_jpeg_smooth(j_decompress_ptr codec, jvirt_barray_ptr *coefficients) {
  static const int nothing[ESTIMATED] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  if (!is_useful(codec)) return;
  for (int c = 0; c < codec->num_components; c++) {
    smoother s = {.codec = codec, .component = &codec->comp_info[c], .blocks = coefficients[c]};
    // libjpeg-turbo keeps what was known before the last scan of each component behind what is known now.
    const int *before = codec->input_scan_number > 1 ? codec->coef_bits[c + codec->num_components] : nothing;
    smooth_component(&s, codec->coef_bits[c], before);
  }
}
