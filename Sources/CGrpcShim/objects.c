// SPDX-License-Identifier: Apache-2.0

#include "objects.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "illmrec_grpc.h"

static atomic_int_fast64_t live[LIVE_KINDS];

void live_add(live_kind kind, int64_t difference) {
  atomic_fetch_add_explicit(&live[kind], difference, memory_order_relaxed);
}

illmrec_live_objects illmrec_count_live_objects(void) {
  return (illmrec_live_objects){
      .queues = atomic_load(&live[LIVE_QUEUE]),
      .channels = atomic_load(&live[LIVE_CHANNEL]),
      .servers = atomic_load(&live[LIVE_SERVER]),
      .calls = atomic_load(&live[LIVE_CALL]),
      .batches = atomic_load(&live[LIVE_BATCH]),
      .slots = atomic_load(&live[LIVE_SLOT]),
      .received_messages = atomic_load(&live[LIVE_BYTES]),
  };
}

void *allocate(size_t count, size_t size) {
  // The C library keeps freed small blocks at hand for malloc only, not for calloc.
  void *memory = malloc(count * size);
  if (memory == NULL) abort();
  return memset(memory, 0, count * size);
}
