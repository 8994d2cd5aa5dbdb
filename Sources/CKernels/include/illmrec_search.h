// SPDX-License-Identifier: Apache-2.0

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
  /// One bit for each row, row r in bit r % 64 of word r / 64: only rows whose bit is set may be returned. NULL: all rows
  /// may. Borrowed until the scan's end.
  const uint64_t *eligible;
  /// Hits to keep, at least 1.
  uint32_t k;
} illmrec_query;

/// A running scan: its queries and the best hits so far. Used by one thread at a time.
typedef struct illmrec_scan illmrec_scan;

/// Rows rounded to 8 bits, read in place of the rows themselves wherever that decides.
///
/// A row x is near x̂ = scale · c, with integers c of -127 to 127 and scale = max|x| / 127, and ρ ≥ ‖x - x̂‖ is kept with it.
/// A query q is near q̂ = step · v, with 15-bit integers v. The sum of c · v is exact, so for the float32 score s that the
/// order of summation above gives,
///
///     |s - q̂·x̂| ≤ ‖q‖ ρ + ‖q - q̂‖ ‖x̂‖ + γ ‖q‖ (‖x̂‖ + ρ) + (dim + 16) 2^-149,    ‖x̂‖ ≤ 127 √dim · scale,
///
/// because q·x - q̂·x̂ = q·(x - x̂) + (q - q̂)·x̂ (Cauchy-Schwarz on both), ‖x‖ ≤ ‖x̂‖ + ρ, and each product of a score goes
/// through at most n = ⌈dim / 16⌉ + 4 roundings of 2^-24 (γ = n 2^-24 / (1 - n 2^-24); the last term is for subnormal
/// results). The bound's own float32 operations are rounded in its disfavour. A row is passed over only when its score's
/// upper bound is below k other eligible rows' lower bounds or scores; all others are scored in float32. The hits are
/// therefore those of a scan without codes, whatever the data; data that rounds badly only costs time.
typedef struct illmrec_codes illmrec_codes;

/// Rounds `rows` [row_count, dim], finite. NULL when memory is exhausted or there are no rows. Reads the rows once; owned by
/// the caller until `illmrec_codes_destroy`.
illmrec_codes *illmrec_codes_create(const float *rows, uint32_t row_count, uint32_t dim, illmrec_team *team);

/// Memory that the codes take: about dim + 8 bytes a row.
size_t illmrec_codes_bytes(const illmrec_codes *codes);

/// Bounds of a query's scores with every row: the score that a scan gives lies between `lower` and `upper` [row_count].
/// What a scan decides by, for tests and measurements; `lower` and `upper` stay as they are when memory is exhausted.
void illmrec_codes_bounds(const illmrec_codes *codes, const float *query, illmrec_isa isa, double *lower,
                          double *upper);

/// Frees the codes; NULL is allowed.
void illmrec_codes_destroy(illmrec_codes *codes);

/// Begins a scan of `rows` [row_count, dim], which the caller keeps alive, as it does the team. NULL when memory is exhausted or `isa` is not
/// supported.
///
/// - codes: of the same rows, and kept alive as they are; then no query's norm times a row's may be above half of float32's
///   largest number. NULL: every row is scored in float32.
illmrec_scan *illmrec_scan_create(const float *rows, uint32_t row_count, uint32_t dim, const illmrec_codes *codes,
                                  const illmrec_query *queries, uint32_t query_count, illmrec_team *team,
                                  illmrec_isa isa);

/// Scores every query against the rows [first, end).
void illmrec_scan_range(illmrec_scan *scan, uint32_t first, uint32_t end);

/// Scores one query against the rows listed, each listed once.
void illmrec_scan_list(illmrec_scan *scan, uint32_t query, const uint32_t *listed, size_t count);

/// Writes a query's hits to `out` [k], highest score first and equal scores by row; returns how many there are.
/// Called once per query, after the last of the rows.
uint32_t illmrec_scan_finish(illmrec_scan *scan, uint32_t query, illmrec_hit *out);

/// Rows that had to be scored in float32 because of their bounds, all queries together; 0 without codes. After the hits
/// were taken.
uint64_t illmrec_scan_scored_rows(const illmrec_scan *scan);

/// Frees the scan; NULL is allowed.
void illmrec_scan_destroy(illmrec_scan *scan);

/// Sum of squares, in double precision.
double illmrec_squared_norm(const float *values, size_t count);

#ifdef __cplusplus
}
#endif
