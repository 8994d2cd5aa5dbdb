#pragma once

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "illmrec_grpc.h"

/// What an event's tag points to. The set is closed: the queue's thread knows each kind, and a tag is consumed by exactly one
/// event.
typedef enum {
  TAG_BATCH,
  TAG_SLOT,
  TAG_SERVER_SHUTDOWN,
} tag_kind;

/// First member of everything that is used as a tag.
typedef struct {
  tag_kind kind;
} tag;

/// gRPC core orders what happens before an operation starts before its event. The thread sanitizer cannot see that, because core is
/// not built with it, so it is told at both ends.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
void __tsan_release(void *address);
void __tsan_acquire(void *address);
#define HAPPENS_BEFORE_EVENT(tag) __tsan_release(tag)
#define HAPPENS_AFTER_START(tag) __tsan_acquire(tag)
#endif
#endif
#ifndef HAPPENS_BEFORE_EVENT
#define HAPPENS_BEFORE_EVENT(tag) ((void)(tag))
#define HAPPENS_AFTER_START(tag) ((void)(tag))
#endif

void batch_complete(tag *tag, bool succeeded);
void slot_complete(tag *tag, bool succeeded);
void server_shutdown_complete(tag *tag);

struct illmrec_queue {
  grpc_completion_queue *completions;
  char name[16];
  void (*ended)(void *context);
  void *context;
  atomic_size_t users;
  atomic_size_t threads;
};

illmrec_queue *queue_retain(illmrec_queue *queue);

struct illmrec_channel {
  grpc_channel *channel;
  illmrec_queue *queue;
};

struct illmrec_call {
  grpc_call *call;
  illmrec_queue *queue;
  atomic_size_t references;
  atomic_bool is_finished;
};

/// Takes over one reference to `call`.
illmrec_call *call_create(grpc_call *call, illmrec_queue *queue);

/// Wraps the bytes of `buffer`, which it destroys; one copy only when they came in several pieces.
illmrec_bytes bytes_take(grpc_byte_buffer *buffer);

/// Converts a span that may be "for ever".
gpr_timespec deadline_after(int64_t timeout_ns);
int64_t timeout_until(gpr_timespec deadline);

/// Allocates zeroed memory or ends the process.
void *allocate(size_t count, size_t size);

grpc_channel_args arguments_create(const illmrec_argument *arguments, size_t count);
void arguments_destroy(grpc_channel_args arguments);

typedef enum {
  LIVE_QUEUE,
  LIVE_CHANNEL,
  LIVE_SERVER,
  LIVE_CALL,
  LIVE_BATCH,
  LIVE_SLOT,
  LIVE_BYTES,
  LIVE_KINDS
} live_kind;

void live_add(live_kind kind, int64_t difference);
