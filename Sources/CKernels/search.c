#include "search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef float f32x16 __attribute__((vector_size(64)));
typedef float f32x16_unaligned __attribute__((vector_size(64), aligned(4)));
typedef float f32x8_unaligned __attribute__((vector_size(32), aligned(4)));

enum {
  // Rows a worker takes at a time: their bytes stay in its second-level cache while every query passes over them.
  CHUNK_BYTES = 128 * 1024,
  // Queries that pass over a chunk together; they share that cache.
  QUERY_GROUP_BYTES = 256 * 1024,
  // Multiply-adds below which waking the team costs more than it saves.
  TEAM_WORTHWHILE = 1 << 18,
};

#define KERNEL(name) name##_portable
#define KERNEL_TARGET
#define KERNEL_ROWS 4
#define KERNEL_QUERIES 1
#include "search_kernel.h"
#undef KERNEL
#undef KERNEL_TARGET
#undef KERNEL_ROWS
#undef KERNEL_QUERIES

#if defined(__x86_64__)
#define KERNEL(name) name##_avx2
#define KERNEL_TARGET __attribute__((target("avx2,fma")))
#define KERNEL_ROWS 4
#define KERNEL_QUERIES 1
#include "search_kernel.h"
#undef KERNEL
#undef KERNEL_TARGET
#undef KERNEL_ROWS
#undef KERNEL_QUERIES

#define KERNEL(name) name##_avx512
#define KERNEL_TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma")))
#define KERNEL_ROWS 8
#define KERNEL_QUERIES 3
#include "search_kernel.h"
#undef KERNEL
#undef KERNEL_TARGET
#undef KERNEL_ROWS
#undef KERNEL_QUERIES
#endif

static const search_kernel *kernel_for(illmrec_isa isa) {
  if (!illmrec_isa_supported(isa)) return NULL;
#if defined(__x86_64__)
  const bool best = isa == ILLMREC_ISA_BEST;
  if (isa == ILLMREC_ISA_AVX512 || (best && illmrec_isa_supported(ILLMREC_ISA_AVX512))) return &kernel_avx512;
  if (isa == ILLMREC_ISA_AVX2 || (best && illmrec_isa_supported(ILLMREC_ISA_AVX2))) return &kernel_avx2;
#endif
  return &kernel_portable;
}

static bool better(illmrec_hit a, illmrec_hit b) { return a.score > b.score || (a.score == b.score && a.row < b.row); }

static void sift_down(illmrec_hit *hits, uint32_t count, uint32_t at) {
  const illmrec_hit moving = hits[at];
  for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && better(hits[child], hits[child + 1])) child++;
    if (better(hits[child], moving)) break;
    hits[at] = hits[child];
  }
  hits[at] = moving;
}

static void push(hit_heap *heap, uint32_t room, illmrec_hit hit) {
  if (heap->count == room) {
    heap->hits[0] = hit;
    sift_down(heap->hits, heap->count, 0);
    return;
  }
  uint32_t at = heap->count++;
  for (uint32_t parent; at > 0 && better(heap->hits[parent = (at - 1) / 2], hit); at = parent) {
    heap->hits[at] = heap->hits[parent];
  }
  heap->hits[at] = hit;
}

static bool is_eligible(const illmrec_query *query, uint32_t row) {
  if (query->eligible != NULL && (query->eligible[row / 64] >> (row % 64) & 1) == 0) return false;
  size_t low = 0, high = query->excluded_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (query->excluded[middle] < row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == query->excluded_count || query->excluded[low] != row;
}

static void offer(const illmrec_scan *scan, hit_heap *heap, uint32_t query, illmrec_hit hit) {
  const uint32_t room = capacity(scan, query);
  if (heap->count == room && !better(hit, heap->hits[0])) return;
  if (!is_eligible(&scan->queries[query], hit.row)) return;
  push(heap, room, hit);
}

void score_rows(illmrec_scan *scan, hit_heap *heaps, uint32_t query, uint32_t width, const uint32_t *numbers,
                uint32_t count) {
  const search_kernel *kernel = scan->kernel;
  const float *rows[BLOCK_ROWS_MAX];
  float scores[BLOCK_QUERIES_MAX][BLOCK_ROWS_MAX];
  for (uint32_t r = 0; r < kernel->rows; r++) {
    // A block that is not full scores its last row again; the copies are not offered.
    rows[r] = scan->rows + (size_t)numbers[r < count ? r : count - 1] * scan->dim;
  }
  score_function *score = width == 1 ? kernel->score_one : kernel->score_block;
  score(rows, scan->vectors + (size_t)query * scan->stride, scan->stride, scan->dim, scores);
  for (uint32_t q = 0; q < width && query + q < scan->query_count; q++) {
    for (uint32_t r = 0; r < count; r++) {
      offer(scan, &heaps[query + q], query + q, (illmrec_hit){.score = scores[q][r], .row = numbers[r]});
    }
  }
}

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

illmrec_team *team_for(const illmrec_scan *scan, double rows, double queries) {
  return rows * queries * (double)scan->dim < TEAM_WORTHWHILE ? NULL : scan->team;
}

void illmrec_scan_range(illmrec_scan *scan, uint32_t first, uint32_t end) {
  if (end > scan->row_count) end = scan->row_count;
  if (first >= end) return;
  if (scan->codes != NULL) {
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
  const search_kernel *kernel = kernel_for(isa);
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
  if (scan->codes != NULL) settle_bounds(scan);
  const uint32_t room = capacity(scan, query);
  hit_heap merged = {.hits = out};
  for (size_t w = 0; w < scan->workers; w++) {
    const hit_heap *heap = &heaps_of(scan, w)[query];
    for (uint32_t h = 0; h < heap->count; h++) {
      if (merged.count < room || better(heap->hits[h], out[0])) push(&merged, room, heap->hits[h]);
    }
  }
  // Taking the worst hit off the heap again and again leaves the best one in front.
  for (uint32_t left = merged.count; left > 1; left--) {
    const illmrec_hit worst = out[0];
    out[0] = out[left - 1];
    sift_down(out, left - 1, 0);
    out[left - 1] = worst;
  }
  return merged.count;
}

uint64_t illmrec_scan_scored_rows(const illmrec_scan *scan) { return scan->scored_rows; }

void illmrec_scan_destroy(illmrec_scan *scan) {
  if (scan == NULL) return;
  free(scan->vectors);
  free(scan->queries);
  free(scan->heaps);
  free(scan->hits);
  free_bounds(scan);
  free(scan);
}

double illmrec_squared_norm(const float *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)values[i] * values[i];
  return sum;
}
