#pragma once

#include <stdatomic.h>

#include "codes.h"
#include "illmrec_search.h"

enum { BLOCK_ROWS_MAX = 8, BLOCK_QUERIES_MAX = 3 };

typedef void score_function(const float *const rows[BLOCK_ROWS_MAX], const float *queries, size_t stride, size_t dim,
                            float scores[][BLOCK_ROWS_MAX]);

/// How float32 scores are computed.
typedef struct {
  score_function *score_one;
  score_function *score_block;
  uint32_t rows;
  uint32_t queries;
} search_kernel;

/// The best hits one worker has seen for one query: a heap with the worst hit at its root.
typedef struct {
  illmrec_hit *hits;
  uint32_t count;
} hit_heap;

/// A row that may be among the best: its score lies between the bounds.
typedef struct {
  float lower;
  float upper;
  uint32_t row;
} candidate;

/// What one worker knows of one query's best rows from bounds alone. All bounds are in the query's units.
typedef struct {
  /// The k best lower bounds: a heap with the least at its root.
  float *lowers;
  uint32_t lower_count;
  /// Rows whose upper bound was at least `threshold`, not yet scored in float32.
  candidate *candidates;
  uint32_t candidate_count;
  uint32_t room;
  /// At least k rows score no less.
  float threshold;
  /// Bounds are of no use: rows are scored in float32 right away.
  bool is_loose;
  uint64_t bounded_rows;
  uint64_t scored_rows;
  /// Of the query's excluded rows, the first that is not before the panel `next_panel`.
  size_t excluded_at;
  size_t next_panel;
} shortlist;

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

  /// NULL: every row is scored in float32, and nothing below is used.
  const illmrec_codes *codes;
  const code_kernel *code_kernel;
  code_query *code_queries;
  /// Words from one query to the next.
  size_t word_stride;
  uint32_t *words;
  /// [workers, query_count].
  shortlist *shortlists;
  float *lowers;
  candidate *candidates;
  bool is_settled;
  /// Rows scored in float32, all queries together.
  _Atomic uint64_t scored_rows;
};

/// Hits a query keeps.
static inline uint32_t capacity(const illmrec_scan *scan, uint32_t query) {
  const uint32_t k = scan->queries[query].k;
  return k < scan->row_count ? k : scan->row_count;
}

static inline hit_heap *heaps_of(illmrec_scan *scan, size_t worker) { return scan->heaps + worker * scan->query_count; }

/// Scores the queries [query, query + width) against `count` rows, whose numbers are in `numbers`, and offers the hits to
/// `heaps`. A width other than 1 is the kernel's.
void score_rows(illmrec_scan *scan, hit_heap *heaps, uint32_t query, uint32_t width, const uint32_t *numbers,
                uint32_t count);

/// The team, or NULL where waking it costs more than it saves.
illmrec_team *team_for(const illmrec_scan *scan, double rows, double queries);

/// Prepares the scan for bounds; false when memory is exhausted. The scan is destroyed as ever.
bool begin_bounds(illmrec_scan *scan, const illmrec_codes *codes, illmrec_isa isa);

/// Bounds the scores of every query with the rows [first, end), and keeps what may be among the best.
void bound_range(illmrec_scan *scan, uint32_t first, uint32_t end);

/// Scores what is left on the shortlists; before the first hits are taken.
void settle_bounds(illmrec_scan *scan);

void free_bounds(illmrec_scan *scan);
