#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "internal.h"

static _Thread_local illmrec_queue *current_queue;

static void dispatch(grpc_event event) {
  tag *tag = event.tag;
  switch (tag->kind) {
    case TAG_BATCH:
      batch_complete(tag, event.success != 0);
      break;
    case TAG_SLOT:
      slot_complete(tag, event.success != 0);
      break;
    case TAG_SERVER_SHUTDOWN:
      server_shutdown_complete(tag);
      break;
  }
}

/// Runs what was deferred so far; what that defers in turn waits for the next lull.
static void run_deferred(illmrec_queue *queue) {
  size_t count = queue->deferred_count;
  for (size_t i = 0; i < count; i++) {
    deferred item = queue->deferred[i];
    item.run(item.context);
  }
  size_t added = queue->deferred_count - count;
  memmove(queue->deferred, queue->deferred + count, added * sizeof *queue->deferred);
  queue->deferred_count = added;
}

static void *run(void *argument) {
  illmrec_queue *queue = argument;
  current_queue = queue;
  pthread_setname_np(pthread_self(), queue->name);
  for (;;) {
    gpr_timespec until =
      queue->deferred_count > 0 ? gpr_inf_past(GPR_CLOCK_MONOTONIC) : gpr_inf_future(GPR_CLOCK_MONOTONIC);
    grpc_event event = grpc_completion_queue_next(queue->completions, until, NULL);
    if (event.type == GRPC_QUEUE_SHUTDOWN) break;
    if (event.type == GRPC_OP_COMPLETE) {
      dispatch(event);
    } else {
      run_deferred(queue);
    }
    if (queue->callbacks.after_event != NULL) queue->callbacks.after_event(queue->context);
  }
  grpc_completion_queue_destroy(queue->completions);
  current_queue = NULL;
  if (queue->callbacks.stopped != NULL) queue->callbacks.stopped(queue->context);
  free(queue->deferred);
  free(queue);
  grpc_shutdown();
  live_add(LIVE_QUEUE, -1);
  return NULL;
}

illmrec_queue *illmrec_queue_create(const char *name, illmrec_queue_callbacks callbacks, void *context) {
  grpc_init();
  illmrec_queue *queue = allocate(1, sizeof *queue);
  queue->completions = grpc_completion_queue_create_for_next(NULL);
  queue->callbacks = callbacks;
  queue->context = context;
  snprintf(queue->name, sizeof queue->name, "%s", name);
  atomic_init(&queue->users, 1);

  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  int failed = pthread_create(&thread, &attributes, run, queue);
  pthread_attr_destroy(&attributes);
  if (failed) {
    grpc_completion_queue_shutdown(queue->completions);
    grpc_completion_queue_destroy(queue->completions);
    free(queue);
    grpc_shutdown();
    return NULL;
  }
  live_add(LIVE_QUEUE, 1);
  return queue;
}

illmrec_queue *queue_retain(illmrec_queue *queue) {
  atomic_fetch_add_explicit(&queue->users, 1, memory_order_relaxed);
  return queue;
}

void illmrec_queue_release(illmrec_queue *queue) {
  // Nobody is left who could start an operation, so the shutdown races with none; the thread frees the queue.
  if (atomic_fetch_sub_explicit(&queue->users, 1, memory_order_acq_rel) == 1) {
    grpc_completion_queue_shutdown(queue->completions);
  }
}

bool illmrec_queue_is_current(const illmrec_queue *queue) { return current_queue == queue; }

void illmrec_queue_defer(illmrec_queue *queue, void (*run)(void *context), void *context) {
  if (queue->deferred_count == queue->deferred_capacity) {
    size_t capacity = queue->deferred_capacity == 0 ? 16 : 2 * queue->deferred_capacity;
    deferred *items = allocate(capacity, sizeof *items);
    if (queue->deferred_count > 0) memcpy(items, queue->deferred, queue->deferred_count * sizeof *items);
    free(queue->deferred);
    queue->deferred = items;
    queue->deferred_capacity = capacity;
  }
  queue->deferred[queue->deferred_count++] = (deferred){.run = run, .context = context};
}
