// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "queue.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "objects.h"
#include "thread_sanitizer.h"

/// The last thread of the queue cleans up.
static void thread_ended(illmrec_queue *queue) {
  if (atomic_fetch_sub_explicit(&queue->threads, 1, memory_order_acq_rel) != 1) return;
  grpc_completion_queue_destroy(queue->completions);
  void (*ended)(void *context) = queue->ended;
  void *context = queue->context;
  free(queue);
  grpc_shutdown();
  live_add(LIVE_QUEUE, -1);
  if (ended != NULL) ended(context);
}

static void *run(void *argument) {
  illmrec_queue *queue = argument;
  pthread_setname_np(pthread_self(), queue->name);
  for (;;) {
    grpc_event event = grpc_completion_queue_next(queue->completions, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    if (event.type == GRPC_QUEUE_SHUTDOWN) break;
    completion *completion = event.tag;
    HAPPENS_AFTER_START(completion);
    completion->run(completion, event.success != 0);
  }
  HAPPENS_AFTER_START(queue);
  thread_ended(queue);
  return NULL;
}

/// Starts up to `count` threads; returns how many.
static size_t start_threads(illmrec_queue *queue, size_t count) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  size_t started = 0;
  pthread_t thread;
  while (started < count && pthread_create(&thread, &attributes, run, queue) == 0) started++;
  pthread_attr_destroy(&attributes);
  return started;
}

illmrec_queue *illmrec_queue_create(const char *name, size_t threads, void (*ended)(void *context), void *context) {
  grpc_init();
  illmrec_queue *queue = allocate(1, sizeof *queue);
  queue->completions = grpc_completion_queue_create_for_next(NULL);
  snprintf(queue->name, sizeof queue->name, "%s", name);
  atomic_init(&queue->users, 1);
  atomic_init(&queue->threads, threads);
  live_add(LIVE_QUEUE, 1);

  size_t started = start_threads(queue, threads);
  if (started == threads) {
    queue->ended = ended;
    queue->context = context;
    return queue;
  }
  // The threads that did start end at once; the queue goes with them, or here if there are none.
  grpc_completion_queue_shutdown(queue->completions);
  for (size_t i = started; i < threads; i++) thread_ended(queue);
  return NULL;
}

illmrec_queue *queue_retain(illmrec_queue *queue) {
  atomic_fetch_add_explicit(&queue->users, 1, memory_order_relaxed);
  return queue;
}

void illmrec_queue_release(illmrec_queue *queue) {
  // Nobody is left who could start an operation, so the shutdown races with none; the threads free the queue.
  if (atomic_fetch_sub_explicit(&queue->users, 1, memory_order_acq_rel) == 1) {
    HAPPENS_BEFORE_EVENT(queue);
    grpc_completion_queue_shutdown(queue->completions);
  }
}
