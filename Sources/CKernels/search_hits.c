// SPDX-License-Identifier: Apache-2.0

#include "search_hits.h"

static void sift_down(illmrec_hit *hits, uint32_t count, uint32_t at) {
  const illmrec_hit moving = hits[at];
  for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && is_better(hits[child], hits[child + 1])) child++;
    if (is_better(hits[child], moving)) break;
    hits[at] = hits[child];
  }
  hits[at] = moving;
}

void push_hit(hit_heap *heap, uint32_t room, illmrec_hit hit) {
  if (heap->count == room) {
    heap->hits[0] = hit;
    sift_down(heap->hits, heap->count, 0);
    return;
  }
  uint32_t at = heap->count++;
  for (uint32_t parent; at > 0 && is_better(heap->hits[parent = (at - 1) / 2], hit); at = parent) {
    heap->hits[at] = heap->hits[parent];
  }
  heap->hits[at] = hit;
}

// Taking the worst hit off the heap again and again leaves the best one in front.
void sort_hits(hit_heap *heap) {
  illmrec_hit *hits = heap->hits;
  for (uint32_t left = heap->count; left > 1; left--) {
    const illmrec_hit worst = hits[0];
    hits[0] = hits[left - 1];
    sift_down(hits, left - 1, 0);
    hits[left - 1] = worst;
  }
}
