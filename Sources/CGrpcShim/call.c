// SPDX-License-Identifier: Apache-2.0

#include "call.h"

#include <grpc/support/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "objects.h"
#include "queue.h"

illmrec_call *call_create(grpc_call *core, illmrec_queue *queue) {
  illmrec_call *call = allocate(1, sizeof *call);
  call->core = core;
  call->queue = queue_retain(queue);
  atomic_init(&call->references, 1);
  atomic_init(&call->is_finished, false);
  live_add(LIVE_CALL, 1);
  return call;
}

illmrec_call *call_retain(illmrec_call *call) {
  atomic_fetch_add_explicit(&call->references, 1, memory_order_relaxed);
  return call;
}

void illmrec_call_release(illmrec_call *call) {
  if (atomic_fetch_sub_explicit(&call->references, 1, memory_order_acq_rel) != 1) return;
  grpc_call_unref(call->core);
  illmrec_call_finish(call);
  free(call);
  live_add(LIVE_CALL, -1);
}

void illmrec_call_finish(illmrec_call *call) {
  if (!atomic_exchange_explicit(&call->is_finished, true, memory_order_acq_rel)) illmrec_queue_release(call->queue);
}

void illmrec_call_cancel(illmrec_call *call, int status, const char *message) {
  grpc_call_cancel_with_status(call->core, (grpc_status_code)status, message, NULL);
}

size_t illmrec_call_peer(illmrec_call *call, char *buffer, size_t capacity) {
  char *peer = grpc_call_get_peer(call->core);
  size_t count = strlen(peer);
  if (count > capacity) count = capacity;
  memcpy(buffer, peer, count);
  gpr_free(peer);
  return count;
}
