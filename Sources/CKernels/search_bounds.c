// SPDX-License-Identifier: Apache-2.0

#include "search_bounds.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "search_shortlist.h"

enum {
  // Codes a worker takes at a time.
  CHUNK_CODE_BYTES = 256 * 1024,
  // Candidates a shortlist holds beside twice its query's k.
  SPARE_CANDIDATES = 512,
  // A query is loose when more than one of so many rows had to be scored, after so many rows.
  LOOSE_SHARE = 4,
  LOOSE_ROWS = 4096,
};

struct search_bounds {
  const illmrec_codes *codes;
  const code_kernel *kernel;
  code_query *queries;
  /// Words from one query to the next.
  size_t word_stride;
  uint32_t *words;
  /// [workers, query_count].
  shortlist *shortlists;
  float *lowers;
  candidate *candidates;
  bool is_settled;
  _Atomic uint64_t scored_rows;
};

static shortlist *shortlists_of(illmrec_scan *scan, size_t worker) {
  return scan->bounds->shortlists + worker * scan->query_count;
}

// The k-th best score found so far as a threshold for bounds.
static void learn_from_scores(const illmrec_scan *scan, shortlist *list, const hit_heap *heap, uint32_t query) {
  if (heap->count < capacity(scan, query)) return;
  const double score = ldexp((double)heap->hits[0].score, -scan->bounds->queries[query].exponent);
  float threshold = (float)score;
  if ((double)threshold > score) threshold = nextafterf(threshold, -INFINITY);
  if (threshold > list->threshold) list->threshold = threshold;
}

// MARK: Candidates

// Rows on their way to being scored, as many at a time as the kernel takes.
typedef struct {
  illmrec_scan *scan;
  size_t worker;
  uint32_t query;
  uint32_t count;
  uint32_t numbers[BLOCK_ROWS_MAX];
} row_block;

static void score_block(row_block *block) {
  if (block->count == 0) return;
  score_rows(block->scan, heaps_of(block->scan, block->worker), block->query, 1, block->numbers, block->count);
  atomic_fetch_add_explicit(&block->scan->bounds->scored_rows, block->count, memory_order_relaxed);
  block->count = 0;
}

static void add_row(row_block *block, uint32_t row) {
  block->numbers[block->count++] = row;
  if (block->count == block->scan->kernel->rows) score_block(block);
}

// Which of a list's candidates are scored now.
typedef struct {
  illmrec_scan *scan;
  uint32_t query;
  const shortlist *list;
  float least_upper;
  // Bounds [from, below) of the lower bound.
  float from;
  float below;
  // Where hits go when the team does not share the work.
  size_t worker;
  bool is_shared;
} scoring;

static void work_on_candidates(void *context, size_t begin, size_t end, size_t worker) {
  const scoring *job = context;
  row_block block = {.scan = job->scan, .worker = job->is_shared ? worker : job->worker, .query = job->query};
  for (size_t c = begin; c < end; c++) {
    const candidate *it = &job->list->candidates[c];
    if (it->upper < job->least_upper || it->lower < job->from || it->lower >= job->below) continue;
    add_row(&block, it->row);
  }
  score_block(&block);
}

// Drops candidates that cannot be among the best any more; when too many stay, scores them all.
static void make_room(illmrec_scan *scan, size_t worker, uint32_t query) {
  shortlist *list = &shortlists_of(scan, worker)[query];
  uint32_t kept = 0;
  for (uint32_t c = 0; c < list->candidate_count; c++) {
    if (list->candidates[c].upper >= list->threshold) list->candidates[kept++] = list->candidates[c];
  }
  list->candidate_count = kept;
  if (kept <= list->room / 4 * 3) return;
  const scoring job = {.scan = scan,
                       .query = query,
                       .list = list,
                       .worker = worker,
                       .least_upper = -INFINITY,
                       .from = -INFINITY,
                       .below = INFINITY};
  work_on_candidates((void *)&job, 0, kept, worker);
  list->candidate_count = 0;
  list->scored_rows += kept;
  list->is_loose = list->bounded_rows >= LOOSE_ROWS && list->scored_rows * LOOSE_SHARE > list->bounded_rows;
  learn_from_scores(scan, list, &heaps_of(scan, worker)[query], query);
}

static void add_candidate(illmrec_scan *scan, size_t worker, uint32_t query, candidate found) {
  shortlist *list = &shortlists_of(scan, worker)[query];
  if (list->candidate_count == list->room) make_room(scan, worker, query);
  list->candidates[list->candidate_count++] = found;
  offer_lower(list, capacity(scan, query), found.lower);
}

// MARK: Panels

// The panel's rows in [first, end): bit r for row r.
static uint64_t rows_within(size_t panel, uint32_t first, uint32_t end) {
  const uint64_t begin = (uint64_t)panel * PANEL_ROWS;
  uint64_t rows = ~(uint64_t)0;
  if (first > begin) rows &= ~(uint64_t)0 << (first - begin);
  if (end < begin + PANEL_ROWS) rows &= ~(uint64_t)0 >> (begin + PANEL_ROWS - end);
  return rows;
}

// The panel's rows that the query excludes. Panels mostly come in ascending order, so the place in the list is kept.
static uint64_t excluded_rows(const illmrec_query *query, shortlist *list, size_t panel) {
  if (query->excluded_count == 0) return 0;
  const uint64_t begin = (uint64_t)panel * PANEL_ROWS;
  if (panel < list->next_panel) list->excluded_at = 0;
  list->next_panel = panel;
  size_t at = list->excluded_at;
  while (at < query->excluded_count && query->excluded[at] < begin) at++;
  list->excluded_at = at;
  uint64_t rows = 0;
  for (; at < query->excluded_count && query->excluded[at] < begin + PANEL_ROWS; at++) {
    rows |= (uint64_t)1 << (query->excluded[at] - begin);
  }
  return rows;
}

static void score_panel(illmrec_scan *scan, size_t worker, uint32_t query, size_t panel, uint64_t rows) {
  row_block block = {.scan = scan, .worker = worker, .query = query};
  for (; rows != 0; rows &= rows - 1) {
    add_row(&block, (uint32_t)(panel * PANEL_ROWS) + (uint32_t)__builtin_ctzll(rows));
  }
  score_block(&block);
}

static void collect(illmrec_scan *scan, size_t worker, uint32_t query, size_t panel, const panel_bounds *bounds,
                    uint64_t rows) {
  shortlist *list = &shortlists_of(scan, worker)[query];
  list->bounded_rows += (uint64_t)__builtin_popcountll(rows);
  rows &= scan->bounds->kernel->rows_at_least(bounds->upper, list->threshold);
  for (; rows != 0; rows &= rows - 1) {
    const uint32_t r = (uint32_t)__builtin_ctzll(rows);
    if (bounds->upper[r] < list->threshold) continue;
    add_candidate(
        scan, worker, query,
        (candidate){.lower = bounds->lower[r], .upper = bounds->upper[r], .row = (uint32_t)(panel * PANEL_ROWS) + r});
  }
}

// The queries [query, query + width) against a panel's `rows`.
static void bound_block(illmrec_scan *scan, size_t worker, uint32_t query, uint32_t width, size_t panel,
                        uint64_t rows) {
  uint64_t eligible[CODE_QUERIES_MAX] = {0}, bounded = 0;
  const uint32_t count = scan->query_count - query < width ? scan->query_count - query : width;
  for (uint32_t q = 0; q < count; q++) {
    shortlist *list = &shortlists_of(scan, worker)[query + q];
    eligible[q] = rows & ~excluded_rows(&scan->queries[query + q], list, panel);
    if (scan->queries[query + q].eligible != NULL) eligible[q] &= scan->queries[query + q].eligible[panel];
    if (list->is_loose) {
      score_panel(scan, worker, query + q, panel, eligible[q]);
      eligible[q] = 0;
    }
    bounded |= eligible[q];
  }
  if (bounded == 0) return;
  const search_bounds *bounds = scan->bounds;
  const code_panel it = panel_at(bounds->codes, panel);
  bound_function *bound = width == 1 ? bounds->kernel->bound_one : bounds->kernel->bound_block;
  panel_bounds found[CODE_QUERIES_MAX];
  bound(&it, bounds->words + (size_t)query * bounds->word_stride, bounds->word_stride, bounds->queries + query, found);
  for (uint32_t q = 0; q < count; q++) {
    if (eligible[q] != 0) collect(scan, worker, query + q, panel, &found[q], eligible[q]);
  }
}

typedef struct {
  illmrec_scan *scan;
  uint32_t first;
  uint32_t end;
  size_t first_panel;
} bounding;

static void work_on_panels(void *context, size_t begin, size_t end, size_t worker) {
  const bounding *job = context;
  illmrec_scan *scan = job->scan;
  const uint32_t width = scan->query_count == 1 ? 1 : scan->bounds->kernel->width;
  for (size_t panel = job->first_panel + begin; panel < job->first_panel + end; panel++) {
    const uint64_t rows = rows_within(panel, job->first, job->end);
    for (uint32_t q = 0; q < scan->query_count; q += width) bound_block(scan, worker, q, width, panel, rows);
  }
}

void bound_range(illmrec_scan *scan, uint32_t first, uint32_t end) {
  const bounding job = {.scan = scan, .first = first, .end = end, .first_panel = first / PANEL_ROWS};
  const size_t panels = (end + (size_t)PANEL_ROWS - 1) / PANEL_ROWS - job.first_panel;
  const size_t chunk = CHUNK_CODE_BYTES / (scan->bounds->codes->groups * PANEL_ROWS * GROUP);
  illmrec_team_run(team_for(scan, end - first, scan->query_count), panels, chunk == 0 ? 1 : chunk, work_on_panels,
                   (void *)&job);
}

// MARK: Settling

// Scores the candidates of every worker whose lower bounds are in [from, below).
static void score_candidates(illmrec_scan *scan, uint32_t query, size_t worker, float from, float below) {
  const shortlist *own = &shortlists_of(scan, worker)[query];
  for (size_t w = 0; w < scan->workers; w++) {
    const shortlist *list = &shortlists_of(scan, w)[query];
    const scoring job = {.scan = scan,
                         .query = query,
                         .list = list,
                         .worker = worker,
                         .least_upper = own->threshold,
                         .from = from,
                         .below = below,
                         .is_shared = scan->query_count == 1};
    illmrec_team *team = job.is_shared ? team_for(scan, list->candidate_count, 1) : NULL;
    illmrec_team_run(team, list->candidate_count, 64, work_on_candidates, (void *)&job);
  }
}

// First the rows whose lower bounds reach the threshold, about k of them; their scores then decide about the others.
static void settle(illmrec_scan *scan, uint32_t query, size_t worker) {
  shortlist *own = &shortlists_of(scan, worker)[query];
  for (size_t w = 0; w < scan->workers; w++) {
    const shortlist *other = &shortlists_of(scan, w)[query];
    if (other == own) continue;
    if (other->threshold > own->threshold) own->threshold = other->threshold;
    for (uint32_t l = 0; l < other->lower_count; l++) offer_lower(own, capacity(scan, query), other->lowers[l]);
  }
  const float middle = own->threshold;
  score_candidates(scan, query, worker, middle, INFINITY);
  learn_from_scores(scan, own, &heaps_of(scan, worker)[query], query);
  score_candidates(scan, query, worker, -INFINITY, middle);
}

static void work_on_settling(void *context, size_t begin, size_t end, size_t worker) {
  for (size_t q = begin; q < end; q++) settle(context, (uint32_t)q, worker);
}

void settle_bounds(illmrec_scan *scan) {
  if (scan->bounds->is_settled) return;
  scan->bounds->is_settled = true;
  illmrec_team_run(scan->query_count == 1 ? NULL : scan->team, scan->query_count, 1, work_on_settling, scan);
}

// MARK: Memory

static bool allocate_shortlists(illmrec_scan *scan) {
  size_t lowers = 0, candidates = 0;
  for (uint32_t q = 0; q < scan->query_count; q++) {
    lowers += capacity(scan, q);
    candidates += 2 * (size_t)capacity(scan, q) + SPARE_CANDIDATES;
  }
  search_bounds *bounds = scan->bounds;
  const size_t lists = scan->workers * scan->query_count;
  bounds->shortlists = calloc(lists ? lists : 1, sizeof *bounds->shortlists);
  bounds->lowers = malloc((scan->workers * lowers + 1) * sizeof *bounds->lowers);
  bounds->candidates = malloc((scan->workers * candidates + 1) * sizeof *bounds->candidates);
  if (bounds->shortlists == NULL || bounds->lowers == NULL || bounds->candidates == NULL) return false;
  float *lower = bounds->lowers;
  candidate *first = bounds->candidates;
  for (size_t l = 0; l < lists; l++) {
    const uint32_t k = capacity(scan, (uint32_t)(l % scan->query_count));
    // With so many hits of so few rows, bounds leave little out.
    const bool is_loose = (uint64_t)k * LOOSE_SHARE > scan->row_count;
    bounds->shortlists[l] = (shortlist){.lowers = lower,
                                        .candidates = first,
                                        .room = 2 * k + SPARE_CANDIDATES,
                                        .threshold = -INFINITY,
                                        .is_loose = is_loose};
    lower += k;
    first += bounds->shortlists[l].room;
  }
  return true;
}

bool begin_bounds(illmrec_scan *scan, const illmrec_codes *codes, illmrec_isa isa) {
  search_bounds *bounds = calloc(1, sizeof *bounds);
  if (bounds == NULL) return false;
  scan->bounds = bounds;
  bounds->codes = codes;
  bounds->kernel = code_kernel_for(isa);
  bounds->word_stride = codes->groups * QUERY_WORDS;
  // The last block may reach past the last query: its place is there, and zero.
  const size_t places = (size_t)scan->query_count + CODE_QUERIES_MAX;
  bounds->queries = calloc(places, sizeof *bounds->queries);
  bounds->words = calloc(places * bounds->word_stride, sizeof *bounds->words);
  if (bounds->queries == NULL || bounds->words == NULL || !allocate_shortlists(scan)) return false;
  for (uint32_t q = 0; q < scan->query_count; q++) {
    encode_query(scan->vectors + (size_t)q * scan->stride, scan->dim, bounds->kernel->format, &bounds->queries[q],
                 bounds->words + (size_t)q * bounds->word_stride);
  }
  return true;
}

uint64_t rows_scored_by_bounds(const illmrec_scan *scan) { return scan->bounds->scored_rows; }

void end_bounds(illmrec_scan *scan) {
  search_bounds *bounds = scan->bounds;
  if (bounds == NULL) return;
  free(bounds->queries);
  free(bounds->words);
  free(bounds->shortlists);
  free(bounds->lowers);
  free(bounds->candidates);
  free(bounds);
}
