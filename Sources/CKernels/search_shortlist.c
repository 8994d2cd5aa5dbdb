// SPDX-License-Identifier: Apache-2.0

#include "search_shortlist.h"

static void sift_lower_down(float *lowers, uint32_t count, float moving) {
  uint32_t at = 0;
  for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && lowers[child + 1] < lowers[child]) child++;
    if (lowers[child] >= moving) break;
    lowers[at] = lowers[child];
  }
  lowers[at] = moving;
}

void offer_lower(shortlist *list, uint32_t k, float lower) {
  if (list->lower_count == k) {
    if (lower <= list->lowers[0]) return;
    sift_lower_down(list->lowers, k, lower);
  } else {
    uint32_t at = list->lower_count++;
    for (uint32_t parent; at > 0 && list->lowers[parent = (at - 1) / 2] > lower; at = parent) {
      list->lowers[at] = list->lowers[parent];
    }
    list->lowers[at] = lower;
  }
  if (list->lower_count == k && list->lowers[0] > list->threshold) list->threshold = list->lowers[0];
}
