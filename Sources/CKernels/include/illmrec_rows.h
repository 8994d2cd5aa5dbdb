// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>

#include "illmrec_kernels.h"

/// Copies of rows between matrices and stores of another layout or element type: what a key/value cache reads and writes.

#ifdef __cplusplus
extern "C" {
#endif

/// What a copy does to each element.
typedef enum {
  ILLMREC_FLOAT_TO_FLOAT,
  /// Rounds to the nearest, ties to even. Values past bfloat16's largest become infinite.
  ILLMREC_FLOAT_TO_BF16,
  ILLMREC_BF16_TO_FLOAT,
} illmrec_row_conversion;

/// Rows that follow each other at both ends.
typedef struct {
  const void *from;
  void *to;
  size_t rows;
  /// Elements from one row to the next.
  size_t from_stride;
  size_t to_stride;
  illmrec_row_conversion conversion;
} illmrec_row_run;

/// Copies every run, `width` elements of each row. No run may write what another reads or writes.
void illmrec_copy_rows(illmrec_team *team, const illmrec_row_run *runs, size_t count, size_t width);

/// Rounds every value to the nearest bfloat16, ties to even, and keeps it as a float.
///
/// Returns the index of the first result that is NaN or infinite, or `count`.
size_t illmrec_round_to_bf16(illmrec_team *team, float *x, size_t count);

#ifdef __cplusplus
}
#endif
