// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE  // pthread_setname_np, sched_getaffinity

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "illmrec_kernels.h"
#include "team.h"

// A worker looks for the next job, and a caller for the end of its own, this many times before it sleeps: about 100
// microseconds. That is longer than the gap between two calls of a layer and than the wait for the last block, and waking a
// thread takes as long on a virtual machine; it is short enough to leave a shared machine to others.
enum { SPINS_BEFORE_SLEEP = 2000 };

typedef struct {
  illmrec_work work;
  void *context;
  size_t count;
  size_t block;
  _Atomic size_t next;
} job;

typedef struct {
  illmrec_team *team;
  size_t index;
  pthread_t thread;
} worker;

struct illmrec_team {
  size_t size;
  worker *workers;  // size - 1
  size_t started;

  pthread_mutex_t caller;  // held by the thread whose call is running
  pthread_mutex_t lock;    // guards what follows
  pthread_cond_t job_posted;
  pthread_cond_t job_left;
  job job;
  bool job_open;          // workers may still join
  _Atomic size_t joined;  // workers inside the job; changes under `lock`
  bool stopping;
  _Atomic size_t jobs_posted;  // changes under `lock`; read without it while spinning
  team_scratch scratch;        // the last that was returned, or empty
};

static void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void work_on(job *job, size_t worker) {
  for (;;) {
    size_t begin = atomic_fetch_add_explicit(&job->next, job->block, memory_order_relaxed);
    if (begin >= job->count) return;
    size_t end = job->count - begin < job->block ? job->count : begin + job->block;
    job->work(job->context, begin, end, worker);
  }
}

// Waits for a job other than the `seen`th and joins it. Returns false when the team stops.
static bool join_next_job(illmrec_team *team, size_t *seen) {
  for (int spin = 0; spin < SPINS_BEFORE_SLEEP && atomic_load(&team->jobs_posted) == *seen; spin++) pause_cpu();
  pthread_mutex_lock(&team->lock);
  while (!team->stopping && (atomic_load(&team->jobs_posted) == *seen || !team->job_open)) {
    *seen = atomic_load(&team->jobs_posted);
    pthread_cond_wait(&team->job_posted, &team->lock);
  }
  *seen = atomic_load(&team->jobs_posted);
  bool joins = !team->stopping;
  if (joins) team->joined++;
  pthread_mutex_unlock(&team->lock);
  return joins;
}

static void leave_job(illmrec_team *team) {
  pthread_mutex_lock(&team->lock);
  if (--team->joined == 0) pthread_cond_signal(&team->job_left);
  pthread_mutex_unlock(&team->lock);
}

static void *run_worker(void *argument) {
  worker *self = argument;
  size_t seen = 0;
  while (join_next_job(self->team, &seen)) {
    work_on(&self->team->job, self->index);
    leave_job(self->team);
  }
  return NULL;
}

// Signals are for the threads that the process starts itself.
static int start_without_signals(worker *worker) {
  sigset_t all, former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  int status = pthread_create(&worker->thread, NULL, run_worker, worker);
  pthread_sigmask(SIG_SETMASK, &former, NULL);
  if (status == 0) pthread_setname_np(worker->thread, "illmrec-compute");
  return status;
}

illmrec_team *illmrec_team_create(size_t threads) {
  illmrec_team *team = calloc(1, sizeof *team);
  if (team == NULL) return NULL;
  team->size = threads < 1 ? 1 : threads;
  pthread_mutex_init(&team->caller, NULL);
  pthread_mutex_init(&team->lock, NULL);
  pthread_cond_init(&team->job_posted, NULL);
  pthread_cond_init(&team->job_left, NULL);
  team->workers = calloc(team->size, sizeof *team->workers);
  for (size_t i = 0; team->workers != NULL && i + 1 < team->size; i++) {
    team->workers[i] = (worker){.team = team, .index = i + 1};
    if (start_without_signals(&team->workers[i]) != 0) break;
    team->started++;
  }
  if (team->workers == NULL || team->started + 1 < team->size) {
    illmrec_team_destroy(team);
    return NULL;
  }
  return team;
}

void illmrec_team_destroy(illmrec_team *team) {
  if (team == NULL) return;
  pthread_mutex_lock(&team->lock);
  team->stopping = true;
  atomic_fetch_add(&team->jobs_posted, 1);
  pthread_cond_broadcast(&team->job_posted);
  pthread_mutex_unlock(&team->lock);
  for (size_t i = 0; i < team->started; i++) pthread_join(team->workers[i].thread, NULL);
  pthread_cond_destroy(&team->job_left);
  pthread_cond_destroy(&team->job_posted);
  pthread_mutex_destroy(&team->lock);
  pthread_mutex_destroy(&team->caller);
  free(team->workers);
  free(team->scratch.memory);
  free(team);
}

size_t illmrec_team_size(const illmrec_team *team) { return team == NULL ? 1 : team->size; }

size_t illmrec_available_cpus(void) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return 1;
  int count = CPU_COUNT(&cpus);
  return count < 1 ? 1 : (size_t)count;
}

static void post_job(illmrec_team *team, size_t count, size_t block, illmrec_work work, void *context) {
  pthread_mutex_lock(&team->lock);
  team->job.work = work;
  team->job.context = context;
  team->job.count = count;
  team->job.block = block;
  atomic_store(&team->job.next, 0);
  team->job_open = true;
  atomic_fetch_add(&team->jobs_posted, 1);
  pthread_cond_broadcast(&team->job_posted);
  pthread_mutex_unlock(&team->lock);
}

// A worker that has not woken up by now has nothing left to do: it is not waited for.
static void close_job(illmrec_team *team) {
  pthread_mutex_lock(&team->lock);
  team->job_open = false;
  pthread_mutex_unlock(&team->lock);
  for (int spin = 0; spin < SPINS_BEFORE_SLEEP && atomic_load(&team->joined) > 0; spin++) pause_cpu();
  pthread_mutex_lock(&team->lock);
  while (team->joined > 0) pthread_cond_wait(&team->job_left, &team->lock);
  pthread_mutex_unlock(&team->lock);
}

void illmrec_team_run(illmrec_team *team, size_t count, size_t block, illmrec_work work, void *context) {
  if (count == 0) return;
  if (block == 0) block = 1;
  if (team == NULL || team->size == 1 || count <= block) {
    work(context, 0, count, 0);
    return;
  }
  pthread_mutex_lock(&team->caller);
  post_job(team, count, block, work, context);
  work_on(&team->job, 0);
  close_job(team);
  pthread_mutex_unlock(&team->caller);
}

// One piece is kept: calls on a team wait for each other, so another is rarely asked for meanwhile.
bool borrow_scratch(illmrec_team *team, size_t bytes, team_scratch *scratch) {
  *scratch = (team_scratch){0};
  if (team != NULL) {
    pthread_mutex_lock(&team->lock);
    *scratch = team->scratch;
    team->scratch = (team_scratch){0};
    pthread_mutex_unlock(&team->lock);
  }
  if (scratch->memory != NULL && scratch->bytes >= bytes) return true;
  free(scratch->memory);
  scratch->bytes = (bytes + 63) / 64 * 64;
  scratch->memory = aligned_alloc(64, scratch->bytes);
  return scratch->memory != NULL;
}

void return_scratch(illmrec_team *team, team_scratch scratch) {
  if (team != NULL) {
    pthread_mutex_lock(&team->lock);
    const team_scratch smaller = team->scratch.bytes < scratch.bytes ? team->scratch : scratch;
    if (team->scratch.bytes < scratch.bytes) team->scratch = scratch;
    pthread_mutex_unlock(&team->lock);
    scratch = smaller;
  }
  free(scratch.memory);
}
