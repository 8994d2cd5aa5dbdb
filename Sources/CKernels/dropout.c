// SPDX-License-Identifier: Apache-2.0

#include "blocks.h"
#include "illmrec_cpu.h"
#include "illmrec_embeddings.h"

typedef struct {
  float *x;
  float factor;
  // An element whose bits are below is dropped.
  uint32_t threshold;
  uint32_t low, high;
} dropout;

// A bijection of 32 bits without visible structure (Wellons 2018, "lowbias32").
INLINED uint32_t mixed(uint32_t bits) {
  bits = (bits ^ (bits >> 16)) * 0x7FEB352Du;
  bits = (bits ^ (bits >> 15)) * 0x846CA68Bu;
  return bits ^ (bits >> 16);
}

DISPATCHED static void drop(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const dropout *d = context;
  float *x = d->x;
  for (size_t i = begin; i < end; i++) {
    const uint32_t bits = mixed(mixed((uint32_t)i ^ d->low) + d->high);
    x[i] = bits < d->threshold ? 0 : x[i] * d->factor;
  }
}

void illmrec_dropout(illmrec_team *team, float *x, size_t count, float probability, uint64_t seed) {
  if (probability <= 0) return;
  dropout d = {x, 1 / (1 - probability), (uint32_t)((double)probability * 4294967296.0), (uint32_t)seed,
               (uint32_t)(seed >> 32)};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK, drop, &d);
}
