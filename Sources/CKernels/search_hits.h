// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "illmrec_search.h"

/// The best hits seen so far: a heap with the worst hit at its root.
typedef struct {
  illmrec_hit *hits;
  uint32_t count;
} hit_heap;

/// Higher scores come first, equal ones by row.
static inline bool is_better(illmrec_hit a, illmrec_hit b) {
  return a.score > b.score || (a.score == b.score && a.row < b.row);
}

/// Whether a heap of `room` hits takes one more.
static inline bool takes_hit(const hit_heap *heap, uint32_t room, illmrec_hit hit) {
  return heap->count < room || is_better(hit, heap->hits[0]);
}

/// Adds a hit that the heap takes; a full one loses its worst.
void push_hit(hit_heap *heap, uint32_t room, illmrec_hit hit);

/// Puts the hits in order, best first; they are no heap afterwards.
void sort_hits(hit_heap *heap);
