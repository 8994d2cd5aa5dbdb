// SPDX-License-Identifier: Apache-2.0

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <stdlib.h>

#include "arguments.h"
#include "call.h"
#include "deadline.h"
#include "objects.h"
#include "queue.h"
#include "tls.h"

struct illmrec_channel {
  grpc_channel *core;
  illmrec_queue *queue;
};

illmrec_channel *illmrec_channel_create(illmrec_queue *queue, const char *target, const illmrec_tls_files *tls,
                                        const illmrec_argument *arguments, size_t count) {
  grpc_channel_credentials *credentials =
      tls == NULL ? grpc_insecure_credentials_create() : tls_channel_credentials(tls);
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
  channel->core = core;
  channel->queue = queue_retain(queue);
  live_add(LIVE_CHANNEL, 1);
  return channel;
}

void illmrec_channel_release(illmrec_channel *channel) {
  grpc_channel_destroy(channel->core);
  illmrec_queue *queue = channel->queue;
  free(channel);
  live_add(LIVE_CHANNEL, -1);
  illmrec_queue_release(queue);
}

illmrec_call *illmrec_channel_create_call(illmrec_channel *channel, const char *path, size_t path_count,
                                          int64_t timeout_ns) {
  grpc_slice method = grpc_slice_from_copied_buffer(path, path_count);
  grpc_call *core = grpc_channel_create_call(channel->core, NULL, GRPC_PROPAGATE_DEFAULTS, channel->queue->completions,
                                             method, NULL, deadline_after(timeout_ns), NULL);
  grpc_slice_unref(method);
  return call_create(core, channel->queue);
}
