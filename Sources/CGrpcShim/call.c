#include <string.h>

#include "internal.h"

illmrec_call *call_create(grpc_call *core, illmrec_queue *queue) {
  illmrec_call *call = allocate(1, sizeof *call);
  call->call = core;
  call->queue = queue_retain(queue);
  atomic_init(&call->references, 1);
  atomic_init(&call->is_finished, false);
  live_add(LIVE_CALL, 1);
  return call;
}

void illmrec_call_release(illmrec_call *call) {
  if (atomic_fetch_sub_explicit(&call->references, 1, memory_order_acq_rel) != 1) return;
  grpc_call_unref(call->call);
  illmrec_call_finish(call);
  free(call);
  live_add(LIVE_CALL, -1);
}

void illmrec_call_finish(illmrec_call *call) {
  if (!atomic_exchange_explicit(&call->is_finished, true, memory_order_acq_rel)) illmrec_queue_release(call->queue);
}

void illmrec_call_cancel(illmrec_call *call, int status, const char *message) {
  grpc_call_cancel_with_status(call->call, (grpc_status_code)status, message, NULL);
}

size_t illmrec_call_peer(illmrec_call *call, char *buffer, size_t capacity) {
  char *peer = grpc_call_get_peer(call->call);
  size_t count = strlen(peer);
  if (count > capacity) count = capacity;
  memcpy(buffer, peer, count);
  gpr_free(peer);
  return count;
}

bool illmrec_call_receive_failed(illmrec_call *call) { return grpc_call_failed_before_recv_message(call->call) != 0; }

/// Core's own answer, which C++ exports but no public header declares; NULL in a build without it.
extern bool core_is_trailers_only(const grpc_call *call) __asm__("_Z26grpc_call_is_trailers_onlyPK9grpc_call")
    __attribute__((weak));

illmrec_response illmrec_call_response(illmrec_call *call) {
  if (core_is_trailers_only == NULL) return ILLMREC_RESPONSE_UNKNOWN;
  return core_is_trailers_only(call->call) ? ILLMREC_RESPONSE_REJECTED : ILLMREC_RESPONSE_ACCEPTED;
}

illmrec_channel *illmrec_channel_create(illmrec_queue *queue, const char *target, const illmrec_argument *arguments,
                                        size_t count) {
  grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
  grpc_channel_args args = arguments_create(arguments, count);
  grpc_channel *core = grpc_channel_create(target, credentials, &args);
  arguments_destroy(args);
  grpc_channel_credentials_release(credentials);
  // A new channel is idle; for a malformed target core makes one that has failed from the start.
  if (grpc_channel_check_connectivity_state(core, 0) != GRPC_CHANNEL_IDLE) {
    grpc_channel_destroy(core);
    return NULL;
  }
  illmrec_channel *channel = allocate(1, sizeof *channel);
  channel->channel = core;
  channel->queue = queue_retain(queue);
  live_add(LIVE_CHANNEL, 1);
  return channel;
}

void illmrec_channel_release(illmrec_channel *channel) {
  grpc_channel_destroy(channel->channel);
  illmrec_queue *queue = channel->queue;
  free(channel);
  live_add(LIVE_CHANNEL, -1);
  illmrec_queue_release(queue);
}

illmrec_call *illmrec_channel_create_call(illmrec_channel *channel, const char *path, size_t path_count,
                                          int64_t timeout_ns) {
  grpc_slice method = grpc_slice_from_copied_buffer(path, path_count);
  grpc_call *call =
      grpc_channel_create_call(channel->channel, NULL, GRPC_PROPAGATE_DEFAULTS, channel->queue->completions, method,
                               NULL, deadline_after(timeout_ns), NULL);
  grpc_slice_unref(method);
  return call_create(call, channel->queue);
}
