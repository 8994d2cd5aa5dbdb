// SPDX-License-Identifier: Apache-2.0

#include <stdlib.h>
#include <string.h>

#include "search_bounds.h"
#include "search_scores.h"

enum {
  // Rows a worker takes at a time: their bytes stay in its second-level cache while every query passes over them.
  CHUNK_BYTES = 128 * 1024,
  // Queries that pass over a chunk together; they share that cache.
  QUERY_GROUP_BYTES = 256 * 1024,
};

static void scan_chunk(illmrec_scan *scan, hit_heap *heaps, uint32_t first, uint32_t end) {
  const uint32_t block = scan->query_count == 1 ? 1 : scan->kernel->queries;
  uint32_t group = (uint32_t)(QUERY_GROUP_BYTES / (scan->stride * sizeof(float))) / block * block;
  if (group < block) group = block;
  for (uint32_t g = 0; g < scan->query_count; g += group) {
    const uint32_t group_end = scan->query_count - g < group ? scan->query_count : g + group;
    for (uint32_t row = first; row < end; row += scan->kernel->rows) {
      uint32_t numbers[BLOCK_ROWS_MAX];
      const uint32_t count = end - row < scan->kernel->rows ? end - row : scan->kernel->rows;
      for (uint32_t r = 0; r < count; r++) numbers[r] = row + r;
      for (uint32_t q = g; q < group_end; q += block) score_rows(scan, heaps, q, block, numbers, count);
    }
  }
}

struct range_job {
  illmrec_scan *scan;
  uint32_t first;
};

static void work_on_range(void *context, size_t begin, size_t end, size_t worker) {
  struct range_job *job = context;
  scan_chunk(job->scan, heaps_of(job->scan, worker), job->first + (uint32_t)begin, job->first + (uint32_t)end);
}

struct list_job {
  illmrec_scan *scan;
  uint32_t query;
  const uint32_t *listed;
};

static void work_on_list(void *context, size_t begin, size_t end, size_t worker) {
  struct list_job *job = context;
  const uint32_t rows = job->scan->kernel->rows;
  for (size_t at = begin; at < end; at += rows) {
    const uint32_t count = end - at < rows ? (uint32_t)(end - at) : rows;
    score_rows(job->scan, heaps_of(job->scan, worker), job->query, 1, job->listed + at, count);
  }
}

// Rows that a worker takes at a time, so that none waits long for a slower one.
static size_t rows_per_chunk(const illmrec_scan *scan) {
  const size_t rows = CHUNK_BYTES / (scan->dim * sizeof(float)) / BLOCK_ROWS_MAX * BLOCK_ROWS_MAX;
  return rows < BLOCK_ROWS_MAX ? BLOCK_ROWS_MAX : rows;
}

void illmrec_scan_range(illmrec_scan *scan, uint32_t first, uint32_t end) {
  if (end > scan->row_count) end = scan->row_count;
  if (first >= end) return;
  if (scan->bounds != NULL) {
    bound_range(scan, first, end);
    return;
  }
  struct range_job job = {.scan = scan, .first = first};
  illmrec_team_run(team_for(scan, end - first, scan->query_count), end - first, rows_per_chunk(scan), work_on_range,
                   &job);
}

void illmrec_scan_list(illmrec_scan *scan, uint32_t query, const uint32_t *listed, size_t count) {
  struct list_job job = {.scan = scan, .query = query, .listed = listed};
  illmrec_team_run(team_for(scan, (double)count, 1), count, rows_per_chunk(scan), work_on_list, &job);
}

static bool allocate_heaps(illmrec_scan *scan) {
  size_t room = 0;
  for (uint32_t q = 0; q < scan->query_count; q++) room += capacity(scan, q);
  const size_t heaps = (size_t)scan->workers * scan->query_count;
  scan->heaps = calloc(heaps ? heaps : 1, sizeof *scan->heaps);
  scan->hits = calloc(room ? room * scan->workers : 1, sizeof *scan->hits);
  if (scan->heaps == NULL || scan->hits == NULL) return false;
  illmrec_hit *hits = scan->hits;
  for (size_t h = 0; h < heaps; h++) {
    scan->heaps[h].hits = hits;
    hits += capacity(scan, (uint32_t)(h % scan->query_count));
  }
  return true;
}

static bool copy_queries(illmrec_scan *scan, const illmrec_query *queries) {
  // The last block may reach past the last query: its place is there, and zero.
  const size_t places = (size_t)scan->query_count + BLOCK_QUERIES_MAX;
  scan->stride = (scan->dim + 15) & ~(size_t)15;
  scan->queries = calloc(scan->query_count ? scan->query_count : 1, sizeof *scan->queries);
  scan->vectors = aligned_alloc(64, places * scan->stride * sizeof(float));
  if (scan->queries == NULL || scan->vectors == NULL) return false;
  memset(scan->vectors, 0, places * scan->stride * sizeof(float));
  for (uint32_t q = 0; q < scan->query_count; q++) {
    scan->queries[q] = queries[q];
    memcpy(scan->vectors + (size_t)q * scan->stride, queries[q].vector, scan->dim * sizeof(float));
    scan->queries[q].vector = NULL;
  }
  return true;
}

illmrec_scan *illmrec_scan_create(const float *rows, uint32_t row_count, uint32_t dim, const illmrec_codes *codes,
                                  const illmrec_query *queries, uint32_t query_count, illmrec_team *team,
                                  illmrec_isa isa) {
  const search_kernel *kernel = search_kernel_for(isa);
  if (kernel == NULL || dim == 0) return NULL;
  illmrec_scan *scan = calloc(1, sizeof *scan);
  if (scan == NULL) return NULL;
  scan->kernel = kernel;
  scan->team = team;
  scan->rows = rows;
  scan->row_count = row_count;
  scan->dim = dim;
  scan->query_count = query_count;
  scan->workers = illmrec_team_size(team);
  if (!copy_queries(scan, queries) || !allocate_heaps(scan) || (codes != NULL && !begin_bounds(scan, codes, isa))) {
    illmrec_scan_destroy(scan);
    return NULL;
  }
  return scan;
}

uint32_t illmrec_scan_finish(illmrec_scan *scan, uint32_t query, illmrec_hit *out) {
  if (scan->bounds != NULL) settle_bounds(scan);
  const uint32_t room = capacity(scan, query);
  hit_heap merged = {.hits = out};
  for (size_t w = 0; w < scan->workers; w++) {
    const hit_heap *heap = &heaps_of(scan, w)[query];
    for (uint32_t h = 0; h < heap->count; h++) {
      if (takes_hit(&merged, room, heap->hits[h])) push_hit(&merged, room, heap->hits[h]);
    }
  }
  sort_hits(&merged);
  return merged.count;
}

uint64_t illmrec_scan_scored_rows(const illmrec_scan *scan) {
  return scan->bounds == NULL ? 0 : rows_scored_by_bounds(scan);
}

void illmrec_scan_destroy(illmrec_scan *scan) {
  if (scan == NULL) return;
  end_bounds(scan);
  free(scan->vectors);
  free(scan->queries);
  free(scan->heaps);
  free(scan->hits);
  free(scan);
}
