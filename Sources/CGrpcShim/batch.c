// SPDX-License-Identifier: Apache-2.0

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/slice.h>
#include <stdlib.h>

#include "bytes.h"
#include "call.h"
#include "completion.h"
#include "metadata.h"
#include "objects.h"
#include "thread_sanitizer.h"

enum { MAX_OPERATIONS = 8 };

/// Owns the inputs and the outputs of its operations until the event that completes them.
struct illmrec_batch {
  completion completion;
  illmrec_call *call;
  illmrec_batch_done done;
  void *context;

  grpc_op operations[MAX_OPERATIONS];
  size_t operation_count;

  metadata_list sent[2];
  grpc_byte_buffer *sent_message;
  grpc_slice sent_status_message;
  bool has_sent_status_message;

  grpc_metadata_array initial_metadata;
  grpc_metadata_array trailing_metadata;
  grpc_byte_buffer *received_message;
  grpc_status_code status;
  grpc_slice status_message;
  int cancelled;
};

static void complete(completion *completion, bool succeeded) {
  illmrec_batch *batch = (illmrec_batch *)(void *)completion;
  batch->done(batch->context, batch, succeeded);
  illmrec_batch_discard(batch);
}

illmrec_batch *illmrec_batch_create(illmrec_call *call) {
  illmrec_batch *batch = allocate(1, sizeof *batch);
  batch->completion.run = complete;
  batch->call = call_retain(call);
  batch->status_message = grpc_empty_slice();
  live_add(LIVE_BATCH, 1);
  return batch;
}

void illmrec_batch_discard(illmrec_batch *batch) {
  metadata_list_destroy(&batch->sent[ILLMREC_INITIAL_METADATA]);
  metadata_list_destroy(&batch->sent[ILLMREC_TRAILING_METADATA]);
  if (batch->sent_message != NULL) grpc_byte_buffer_destroy(batch->sent_message);
  if (batch->has_sent_status_message) grpc_slice_unref(batch->sent_status_message);
  grpc_metadata_array_destroy(&batch->initial_metadata);
  grpc_metadata_array_destroy(&batch->trailing_metadata);
  if (batch->received_message != NULL) grpc_byte_buffer_destroy(batch->received_message);
  grpc_slice_unref(batch->status_message);
  illmrec_call *call = batch->call;
  free(batch);
  live_add(LIVE_BATCH, -1);
  illmrec_call_release(call);
}

static grpc_op *add(illmrec_batch *batch, grpc_op_type type) {
  if (batch->operation_count == MAX_OPERATIONS) abort();
  grpc_op *operation = &batch->operations[batch->operation_count++];
  operation->op = type;
  return operation;
}

bool illmrec_batch_add_metadata(illmrec_batch *batch, illmrec_metadata_kind kind, const char *key, size_t key_count,
                                const void *value, size_t value_count) {
  return metadata_list_add(&batch->sent[kind], key, key_count, value, value_count);
}

void illmrec_batch_send_initial_metadata(illmrec_batch *batch, illmrec_wait wait) {
  grpc_op *operation = add(batch, GRPC_OP_SEND_INITIAL_METADATA);
  if (wait != ILLMREC_WAIT_DEFAULT) operation->flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET;
  if (wait == ILLMREC_WAIT_FOR_READY) operation->flags |= GRPC_INITIAL_METADATA_WAIT_FOR_READY;
}

void illmrec_batch_compress_messages(illmrec_batch *batch) {
  for (size_t i = 0; i < batch->operation_count; i++) {
    grpc_op *operation = &batch->operations[i];
    if (operation->op != GRPC_OP_SEND_INITIAL_METADATA) continue;
    operation->data.send_initial_metadata.maybe_compression_level.is_set = true;
    operation->data.send_initial_metadata.maybe_compression_level.level = GRPC_COMPRESS_LEVEL_LOW;
  }
}

void illmrec_batch_send_message(illmrec_batch *batch, const void *bytes, size_t count, bool may_be_compressed,
                                void *owner, void (*release)(void *owner)) {
  grpc_slice slice;
  if (count == 0) {
    slice = grpc_empty_slice();
    release(owner);
  } else {
    slice = grpc_slice_new_with_user_data((void *)bytes, count, release, owner);
  }
  batch->sent_message = grpc_raw_byte_buffer_create(&slice, 1);
  grpc_slice_unref(slice);
  grpc_op *operation = add(batch, GRPC_OP_SEND_MESSAGE);
  operation->data.send_message.send_message = batch->sent_message;
  if (!may_be_compressed) operation->flags = GRPC_WRITE_NO_COMPRESS;
}

void illmrec_batch_send_close(illmrec_batch *batch) { add(batch, GRPC_OP_SEND_CLOSE_FROM_CLIENT); }

void illmrec_batch_send_status(illmrec_batch *batch, int status, const char *message, size_t message_count) {
  grpc_op *operation = add(batch, GRPC_OP_SEND_STATUS_FROM_SERVER);
  operation->data.send_status_from_server.status = (grpc_status_code)status;
  if (message_count > 0) {
    batch->sent_status_message = grpc_slice_from_copied_buffer(message, message_count);
    batch->has_sent_status_message = true;
    operation->data.send_status_from_server.status_details = &batch->sent_status_message;
  }
}

void illmrec_batch_receive_initial_metadata(illmrec_batch *batch) {
  add(batch, GRPC_OP_RECV_INITIAL_METADATA)->data.recv_initial_metadata.recv_initial_metadata =
      &batch->initial_metadata;
}

void illmrec_batch_receive_message(illmrec_batch *batch) {
  add(batch, GRPC_OP_RECV_MESSAGE)->data.recv_message.recv_message = &batch->received_message;
}

void illmrec_batch_receive_status(illmrec_batch *batch) {
  grpc_op *operation = add(batch, GRPC_OP_RECV_STATUS_ON_CLIENT);
  operation->data.recv_status_on_client.trailing_metadata = &batch->trailing_metadata;
  operation->data.recv_status_on_client.status = &batch->status;
  operation->data.recv_status_on_client.status_details = &batch->status_message;
}

void illmrec_batch_receive_close(illmrec_batch *batch) {
  add(batch, GRPC_OP_RECV_CLOSE_ON_SERVER)->data.recv_close_on_server.cancelled = &batch->cancelled;
}

/// Metadata is added before or after its operation; only here are the lists complete.
static void attach_metadata(illmrec_batch *batch) {
  for (size_t i = 0; i < batch->operation_count; i++) {
    grpc_op *operation = &batch->operations[i];
    if (operation->op == GRPC_OP_SEND_INITIAL_METADATA) {
      operation->data.send_initial_metadata.count = batch->sent[ILLMREC_INITIAL_METADATA].count;
      operation->data.send_initial_metadata.metadata = batch->sent[ILLMREC_INITIAL_METADATA].entries;
    } else if (operation->op == GRPC_OP_SEND_STATUS_FROM_SERVER) {
      operation->data.send_status_from_server.trailing_metadata_count = batch->sent[ILLMREC_TRAILING_METADATA].count;
      operation->data.send_status_from_server.trailing_metadata = batch->sent[ILLMREC_TRAILING_METADATA].entries;
    }
  }
}

bool illmrec_batch_start(illmrec_batch *batch, void *context, illmrec_batch_done done) {
  attach_metadata(batch);
  batch->context = context;
  batch->done = done;
  HAPPENS_BEFORE_EVENT(&batch->completion);
  grpc_call_error error =
      grpc_call_start_batch(batch->call->core, batch->operations, batch->operation_count, &batch->completion, NULL);
  if (error == GRPC_CALL_OK) return true;
  illmrec_batch_discard(batch);
  return false;
}

const illmrec_metadata *illmrec_batch_initial_metadata(const illmrec_batch *batch) {
  return metadata_view(&batch->initial_metadata);
}

const illmrec_metadata *illmrec_batch_trailing_metadata(const illmrec_batch *batch) {
  return metadata_view(&batch->trailing_metadata);
}

/// Core's own answer, which C++ exports but no public header declares; NULL in a build without it.
extern bool core_is_trailers_only(const grpc_call *call) __asm__("_Z26grpc_call_is_trailers_onlyPK9grpc_call")
    __attribute__((weak));

illmrec_response illmrec_batch_response(const illmrec_batch *batch) {
  if (core_is_trailers_only == NULL) return ILLMREC_RESPONSE_UNKNOWN;
  return core_is_trailers_only(batch->call->core) ? ILLMREC_RESPONSE_REJECTED : ILLMREC_RESPONSE_ACCEPTED;
}

bool illmrec_batch_take_message(illmrec_batch *batch, illmrec_bytes *out, bool *is_compressed) {
  if (batch->received_message == NULL) return false;
  *out = bytes_take(batch->received_message, is_compressed);
  batch->received_message = NULL;
  return true;
}

bool illmrec_batch_receive_failed(const illmrec_batch *batch) {
  return grpc_call_failed_before_recv_message(batch->call->core) != 0;
}

int illmrec_batch_status(const illmrec_batch *batch, const char **message, size_t *message_count) {
  *message = (const char *)GRPC_SLICE_START_PTR(batch->status_message);
  *message_count = GRPC_SLICE_LENGTH(batch->status_message);
  return (int)batch->status;
}

bool illmrec_batch_cancelled(const illmrec_batch *batch) { return batch->cancelled != 0; }
