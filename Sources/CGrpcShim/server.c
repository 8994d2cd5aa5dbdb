// SPDX-License-Identifier: Apache-2.0

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "arguments.h"
#include "bytes.h"
#include "call.h"
#include "completion.h"
#include "connections.h"
#include "deadline.h"
#include "metadata.h"
#include "objects.h"
#include "queue.h"
#include "thread_sanitizer.h"
#include "tls.h"

typedef struct {
  void *core;
  bool with_message;
} method;

/// Lives until its creator, every slot and the shutdown's event have let go.
struct illmrec_server {
  completion shut_down;
  grpc_server *core;
  illmrec_server_callbacks callbacks;
  void *context;
  illmrec_queue *queue;
  method *methods;
  size_t method_count;
  /// NULL where connections cannot be limited.
  connection_guard *guard;
  /// NULL without TLS.
  tls_server *tls;
  atomic_size_t references;
  atomic_bool is_shutting_down;
};

/// One outstanding request for a call; used again for the next call as long as the server listens.
typedef struct {
  completion completion;
  illmrec_server *server;
  int64_t method;
  grpc_call *call;
  gpr_timespec deadline;
  grpc_call_details details;
  grpc_metadata_array metadata;
  grpc_byte_buffer *message;
} slot;

static void server_retain(illmrec_server *server) {
  atomic_fetch_add_explicit(&server->references, 1, memory_order_relaxed);
}

static void server_let_go(illmrec_server *server) {
  if (atomic_fetch_sub_explicit(&server->references, 1, memory_order_acq_rel) != 1) return;
  grpc_server_destroy(server->core);
  illmrec_server_callbacks callbacks = server->callbacks;
  void *context = server->context;
  illmrec_queue *queue = server->queue;
  // No connection is accepted any more, so nobody asks for the certificate.
  if (server->guard != NULL) connection_guard_release(server->guard);
  if (server->tls != NULL) tls_server_destroy(server->tls);
  free(server->methods);
  free(server);
  live_add(LIVE_SERVER, -1);
  if (callbacks.stopped != NULL) callbacks.stopped(context);
  illmrec_queue_release(queue);
}

static void shutdown_complete(completion *completion, bool succeeded) {
  (void)succeeded;
  illmrec_server *server = (illmrec_server *)(void *)completion;
  if (server->callbacks.drained != NULL) server->callbacks.drained(server->context);
  server_let_go(server);
}

/// Adds a bound of memory to arguments that outlive it.
static grpc_resource_quota *add_quota(grpc_channel_args *args, size_t memory_bytes) {
  grpc_resource_quota *quota = grpc_resource_quota_create("illmrec-server");
  grpc_resource_quota_resize(quota, memory_bytes);
  grpc_arg *arg = arguments_next(args);
  arg->type = GRPC_ARG_POINTER;
  arg->key = (char *)GRPC_ARG_RESOURCE_QUOTA;
  arg->value.pointer.p = quota;
  arg->value.pointer.vtable = grpc_resource_quota_arg_vtable();
  return quota;
}

illmrec_server *illmrec_server_create(illmrec_queue *queue, const illmrec_argument *arguments, size_t count,
                                      size_t memory_bytes, const illmrec_connection_limits *limits) {
  illmrec_server *server = allocate(1, sizeof *server);
  server->shut_down.run = shutdown_complete;
  grpc_channel_args args = arguments_create(arguments, count);
  grpc_resource_quota *quota = memory_bytes == 0 ? NULL : add_quota(&args, memory_bytes);
  if (limits != NULL && illmrec_can_limit_connections()) {
    server->guard = connection_guard_create(limits);
    connection_guard_attach(server->guard, arguments_next(&args));
  }
  server->core = grpc_server_create(&args, NULL);
  arguments_destroy(args);
  if (quota != NULL) grpc_resource_quota_unref(quota);
  server->queue = queue_retain(queue);
  grpc_server_register_completion_queue(server->core, queue->completions, NULL);
  atomic_init(&server->references, 1);
  atomic_init(&server->is_shutting_down, false);
  live_add(LIVE_SERVER, 1);
  return server;
}

int illmrec_server_listen(illmrec_server *server, const char *address, const illmrec_tls_files *tls,
                          void (*changed)(void *context, const char *problem), void (*forget)(void *context),
                          void *context) {
  if (tls != NULL && server->guard != NULL) connection_guard_expect_tls(server->guard);
  if (tls != NULL) server->tls = tls_server_create(tls, server->guard, changed, forget, context);
  grpc_server_credentials *credentials =
      tls == NULL ? grpc_insecure_server_credentials_create() : tls_server_credentials(server->tls);
  int port = grpc_server_add_http2_port(server->core, address, credentials);
  grpc_server_credentials_release(credentials);
  // Core has asked for a certificate, and no connection is there yet.
  connection_guard_expect_ssl(NULL);
  return port;
}

int64_t illmrec_server_register_method(illmrec_server *server, const char *path, bool with_message) {
  void *core = grpc_server_register_method(
      server->core, path, NULL, with_message ? GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER : GRPC_SRM_PAYLOAD_NONE, 0);
  if (core == NULL) return -1;
  method *methods = realloc(server->methods, (server->method_count + 1) * sizeof *methods);
  if (methods == NULL) abort();
  methods[server->method_count] = (method){.core = core, .with_message = with_message};
  server->methods = methods;
  return (int64_t)server->method_count++;
}

static void slot_destroy(slot *slot) {
  illmrec_server *server = slot->server;
  grpc_metadata_array_destroy(&slot->metadata);
  free(slot);
  live_add(LIVE_SLOT, -1);
  server_let_go(server);
}

/// Asks core for the next call of the slot's method.
static void slot_post(slot *slot) {
  illmrec_server *server = slot->server;
  grpc_completion_queue *completions = server->queue->completions;
  grpc_call_error error;
  HAPPENS_BEFORE_EVENT(&slot->completion);
  if (slot->method < 0) {
    grpc_call_details_init(&slot->details);
    error = grpc_server_request_call(server->core, &slot->call, &slot->details, &slot->metadata, completions,
                                     completions, &slot->completion);
  } else {
    method *method = &server->methods[slot->method];
    error = grpc_server_request_registered_call(server->core, method->core, &slot->call, &slot->deadline,
                                                &slot->metadata, method->with_message ? &slot->message : NULL,
                                                completions, completions, &slot->completion);
  }
  if (error != GRPC_CALL_OK) slot_destroy(slot);
}

static void slot_report(slot *slot) {
  illmrec_server *server = slot->server;
  illmrec_incoming incoming = {
      .call = call_create(slot->call, server->queue),
      .method = slot->method,
      .metadata = metadata_view(&slot->metadata),
  };
  if (slot->method < 0) {
    incoming.path = (const char *)GRPC_SLICE_START_PTR(slot->details.method);
    incoming.path_count = GRPC_SLICE_LENGTH(slot->details.method);
    incoming.timeout_ns = timeout_until(slot->details.deadline);
  } else {
    incoming.timeout_ns = timeout_until(slot->deadline);
  }
  if (slot->message != NULL) {
    incoming.has_message = true;
    incoming.message = bytes_take(slot->message, &incoming.is_compressed);
    slot->message = NULL;
  } else if (slot->method >= 0 && server->methods[slot->method].with_message) {
    incoming.broke_off = grpc_call_failed_before_recv_message(slot->call) != 0;
  }
  server->callbacks.called(server->context, &incoming);
  // The strings belong to the call, not to the array: forget them and keep the array's capacity.
  slot->metadata.count = 0;
  if (slot->method < 0) grpc_call_details_destroy(&slot->details);
}

static void slot_complete(completion *completion, bool succeeded) {
  slot *completed = (slot *)(void *)completion;
  if (!succeeded) {
    if (completed->method < 0) grpc_call_details_destroy(&completed->details);
    slot_destroy(completed);
    return;
  }
  slot_report(completed);
  slot_post(completed);
}

static void slot_create(illmrec_server *server, int64_t method) {
  slot *slot = allocate(1, sizeof *slot);
  slot->completion.run = slot_complete;
  slot->server = server;
  slot->method = method;
  live_add(LIVE_SLOT, 1);
  server_retain(server);
  slot_post(slot);
}

void illmrec_server_start(illmrec_server *server, size_t slots, illmrec_server_callbacks callbacks, void *context) {
  server->callbacks = callbacks;
  server->context = context;
  grpc_server_start(server->core);
  for (int64_t method = -1; method < (int64_t)server->method_count; method++) {
    for (size_t i = 0; i < slots; i++) slot_create(server, method);
  }
}

bool illmrec_server_hide_new_streams(illmrec_server *server) {
  if (server->guard == NULL) return false;
  connection_guard_hide_new_streams(server->guard);
  return true;
}

void illmrec_server_shutdown(illmrec_server *server) {
  if (atomic_exchange(&server->is_shutting_down, true)) return;
  server_retain(server);
  HAPPENS_BEFORE_EVENT(&server->shut_down);
  grpc_server_shutdown_and_notify(server->core, server->queue->completions, &server->shut_down);
}

void illmrec_server_cancel_calls(illmrec_server *server) { grpc_server_cancel_all_calls(server->core); }

void illmrec_server_release(illmrec_server *server) {
  illmrec_server_shutdown(server);
  server_let_go(server);
}
