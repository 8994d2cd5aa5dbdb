// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "illmrec_search.h"

/// Rows as 8-bit codes in panels of 64, and the bounds on scores that follow from them; see `illmrec_codes`.
///
/// A panel holds, for each group of four elements, four bytes of each of its 64 rows: sums of 64 rows are lanes of
/// vectors, and no lane is ever added to another.

enum {
  PANEL_ROWS = 64,
  GROUP = 4,
  /// What stands for zero: codes are 1 to 255.
  CODE_ZERO = 128,
  CODE_MAX = 127,
  /// Words of a query for each group.
  QUERY_WORDS = 2,
  /// Queries that pass over a panel together, at most.
  CODE_QUERIES_MAX = 3,
};

struct illmrec_codes {
  uint32_t row_count;
  size_t dim;
  /// Groups of four elements that a row has, the last one filled up with CODE_ZERO.
  size_t groups;
  /// [panels, groups, PANEL_ROWS, GROUP].
  uint8_t *bytes;
  /// [panels, PANEL_ROWS]: a row is near `scale * (code - CODE_ZERO)`, and no farther away than `residual`.
  float *scales;
  float *residuals;
  /// All of the above, one mapping.
  void *mapping;
  size_t mapped_bytes;
};

/// A query as 15-bit integers, and what bounds the error of a score computed from them.
///
/// Everything is in units of 2^exponent: the scaled query's largest magnitude lies in [1, 2), so nothing in a bound
/// overflows or is rounded to zero.
typedef struct {
  int exponent;
  /// The query is near `step * integers`.
  float step;
  /// CODE_ZERO times the sum of the integers: what the codes' offset adds to a sum, modulo 2^32.
  uint32_t offset;
  /// error(row) = residual_weight * residual(row) + scale_weight * scale(row) + constant.
  float residual_weight;
  float scale_weight;
  float constant;
} code_query;

/// Bounds of one query's scores with the rows of a panel, in units of 2^exponent.
typedef struct {
  float upper[PANEL_ROWS];
  float lower[PANEL_ROWS];
} panel_bounds;

/// A panel as kernels read it.
typedef struct {
  const uint8_t *bytes;
  size_t groups;
  const float *scales;
  const float *residuals;
} code_panel;

/// How a kernel reads a query's integers: four of a group in two 32-bit words.
typedef enum {
  /// 16-bit pairs: elements 0 and 2, then 1 and 3.
  WORDS_OF_PAIRS,
  /// Four signed bytes: `integer >> 7`, rounded, then what is left of it.
  WORDS_OF_BYTES,
} query_format;

/// Bounds of `queries` consecutive queries. Their words are `stride` apart.
typedef void bound_function(const code_panel *panel, const uint32_t *words, size_t stride, const code_query *queries,
                            panel_bounds *bounds);

/// A way to compute them.
typedef struct {
  query_format format;
  bound_function *bound_one;
  /// `width` queries at a time.
  bound_function *bound_block;
  uint32_t width;
  /// The rows whose upper bound is at least `threshold`: bit r for row r.
  uint64_t (*rows_at_least)(const float upper[PANEL_ROWS], float threshold);
} code_kernel;

extern const code_kernel code_kernel_portable;
#if defined(__x86_64__)
extern const code_kernel code_kernel_avx2;
/// Needs VNNI.
extern const code_kernel code_kernel_avx512;
#endif

/// The kernel of `isa`, or the closest below it that the machine runs.
const code_kernel *code_kernel_for(illmrec_isa isa);

/// Rounds a query of `dim` elements to integers: `words` is [groups, QUERY_WORDS].
void encode_query(const float *vector, size_t dim, query_format format, code_query *query, uint32_t *words);

/// The panel numbered `index`.
static inline code_panel panel_at(const illmrec_codes *codes, size_t index) {
  return (code_panel){
      .bytes = codes->bytes + index * codes->groups * PANEL_ROWS * GROUP,
      .groups = codes->groups,
      .scales = codes->scales + index * PANEL_ROWS,
      .residuals = codes->residuals + index * PANEL_ROWS,
  };
}

/// Turns a panel's sums into bounds. For inlining into functions of every target.
///
/// - sums: [PANEL_ROWS], of code times integer, modulo 2^32.
INLINED void bounds_of_sums(const code_panel *panel, const uint32_t *sums, const code_query *query,
                            panel_bounds *bounds) {
  for (int row = 0; row < PANEL_ROWS; row++) {
    const float score = (float)(int32_t)(sums[row] - query->offset) * query->step * panel->scales[row];
    const float error =
        query->residual_weight * panel->residuals[row] + query->scale_weight * panel->scales[row] + query->constant;
    bounds->upper[row] = score + error;
    bounds->lower[row] = score - error;
  }
}
