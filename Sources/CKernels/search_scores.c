// SPDX-License-Identifier: Apache-2.0

#include "search_scores.h"

#include <string.h>

typedef float f32x8_anywhere __attribute__((vector_size(32), aligned(4)));

// Multiply-adds below which waking the team costs more than it saves.
enum { TEAM_WORTHWHILE = 1 << 18 };

#define KERNEL(name) name##_portable
#define KERNEL_TARGET TARGET_PORTABLE
#define KERNEL_ROWS 4
#define KERNEL_QUERIES 1
#include "search_kernel.h"

#if defined(__x86_64__)
#define KERNEL(name) name##_avx2
#define KERNEL_TARGET TARGET_AVX2
#define KERNEL_ROWS 4
#define KERNEL_QUERIES 1
#include "search_kernel.h"

#define KERNEL(name) name##_avx512
#define KERNEL_TARGET TARGET_AVX512
#define KERNEL_ROWS 8
#define KERNEL_QUERIES 3
#include "search_kernel.h"
#endif

const search_kernel *search_kernel_for(illmrec_isa isa) {
  static const illmrec_variant variants[] = {
#if defined(__x86_64__)
    {ILLMREC_CPU_AVX512, &search_kernel_avx512},
    {ILLMREC_CPU_AVX2, &search_kernel_avx2},
#endif
    {ILLMREC_CPU_PORTABLE, &search_kernel_portable},
  };
  return illmrec_isa_supported(isa) ? illmrec_choose(variants, isa) : NULL;
}

illmrec_team *team_for(const illmrec_scan *scan, double rows, double queries) {
  return rows * queries * (double)scan->dim < TEAM_WORTHWHILE ? NULL : scan->team;
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
  if (takes_hit(heap, room, hit) && is_eligible(&scan->queries[query], hit.row)) push_hit(heap, room, hit);
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
