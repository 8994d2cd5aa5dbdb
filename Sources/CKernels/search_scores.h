// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "search_hits.h"

/// Scores in float32: the rows that a scan is of, its queries, and the hits that both give.

enum { BLOCK_ROWS_MAX = 8, BLOCK_QUERIES_MAX = 3 };

typedef void score_function(const float *const rows[BLOCK_ROWS_MAX], const float *queries, size_t stride, size_t dim,
                            float scores[][BLOCK_ROWS_MAX]);

/// How scores are computed, a block of rows and queries at a time.
typedef struct {
  score_function *score_one;
  score_function *score_block;
  uint32_t rows;
  uint32_t queries;
} search_kernel;

/// The kernel of `isa`; NULL when the machine does not run it.
const search_kernel *search_kernel_for(illmrec_isa isa);

typedef struct search_bounds search_bounds;

struct illmrec_scan {
  const search_kernel *kernel;
  illmrec_team *team;
  const float *rows;
  uint32_t row_count;
  size_t dim;
  /// Floats from one padded query to the next.
  size_t stride;
  float *vectors;
  illmrec_query *queries;
  uint32_t query_count;
  size_t workers;
  /// [workers, query_count], each with room for its query's k hits, capped at row_count.
  hit_heap *heaps;
  illmrec_hit *hits;
  /// What decides which rows are scored at all (search_bounds.h); NULL: every row is.
  search_bounds *bounds;
};

/// Hits a query keeps.
static inline uint32_t capacity(const illmrec_scan *scan, uint32_t query) {
  const uint32_t k = scan->queries[query].k;
  return k < scan->row_count ? k : scan->row_count;
}

/// One worker's heaps, a query each.
static inline hit_heap *heaps_of(illmrec_scan *scan, size_t worker) { return scan->heaps + worker * scan->query_count; }

/// The team, or NULL where waking it costs more than it saves.
illmrec_team *team_for(const illmrec_scan *scan, double rows, double queries);

/// Scores the queries [query, query + width) against `count` rows, whose numbers are in `numbers`, and offers the hits to
/// `heaps`. A width other than 1 is the kernel's.
void score_rows(illmrec_scan *scan, hit_heap *heaps, uint32_t query, uint32_t width, const uint32_t *numbers,
                uint32_t count);
