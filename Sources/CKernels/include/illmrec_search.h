#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "illmrec_kernels.h"

/// Exact top-k by inner product over row-major float32 vectors.
///
/// Every score is summed in one fixed order, whatever the batch, the thread count or the instruction set: sixteen lanes,
/// lane l taking the elements l, l + 16, l + 32, … by fused multiply-add, then lanes folded in halves (16, 8, 4, 2, 1).
/// A query therefore gets the same scores alone and in a batch, and on every machine.

#ifdef __cplusplus
extern "C" {
#endif

/// A row and its inner product with the query.
typedef struct {
  float score;
  uint32_t row;
} illmrec_hit;

/// One query of a scan. Only read by `illmrec_scan_create`, except `excluded`, which is borrowed until the scan's end.
typedef struct {
  /// [dim], finite.
  const float *vector;
  /// Rows that must not be returned: ascending, without repeats.
  const uint32_t *excluded;
  size_t excluded_count;
  /// Hits to keep, at least 1.
  uint32_t k;
} illmrec_query;

/// A running scan: its queries and the best hits so far. Used by one thread at a time.
typedef struct illmrec_scan illmrec_scan;

/// Begins a scan of `rows` [row_count, dim], which the caller keeps alive, as it does the team. NULL when memory is exhausted or `isa` is not
/// supported.
illmrec_scan *illmrec_scan_create(const float *rows, uint32_t row_count, uint32_t dim, const illmrec_query *queries,
                                  uint32_t query_count, illmrec_team *team, illmrec_isa isa);

/// Scores every query against the rows [first, end).
void illmrec_scan_range(illmrec_scan *scan, uint32_t first, uint32_t end);

/// Scores one query against the rows listed, each listed once.
void illmrec_scan_list(illmrec_scan *scan, uint32_t query, const uint32_t *listed, size_t count);

/// Writes a query's hits to `out` [k], highest score first and equal scores by row; returns how many there are.
/// Called once per query.
uint32_t illmrec_scan_finish(illmrec_scan *scan, uint32_t query, illmrec_hit *out);

/// Frees the scan; NULL is allowed.
void illmrec_scan_destroy(illmrec_scan *scan);

/// Sum of squares, in double precision.
double illmrec_squared_norm(const float *values, size_t count);

#ifdef __cplusplus
}
#endif
