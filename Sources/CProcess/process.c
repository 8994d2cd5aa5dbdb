// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "illmrec_process.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

static int max_of(int a, int b) { return a > b ? a : b; }

// What happens to descriptors between the two programs, in order.
static int set_actions(posix_spawn_file_actions_t *actions, int output, int lifeline) {
  // The lifeline first moves out of the way of the numbers 1 to 3, should it or the output be one of them.
  const int spare = max_of(max_of(output, lifeline), ILLMREC_LIFELINE_FD) + 1;
  int status = posix_spawn_file_actions_adddup2(actions, lifeline, spare);
  if (!status) status = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
  if (!status) status = posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
  if (!status) status = posix_spawn_file_actions_adddup2(actions, spare, ILLMREC_LIFELINE_FD);
  if (!status) status = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (!status) status = posix_spawn_file_actions_addclosefrom_np(actions, ILLMREC_LIFELINE_FD + 1);
  return status;
}

// What this process ignores or blocks would be inherited: SIGTERM must end a child that has no handler for it yet.
static int set_attributes(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int status = posix_spawnattr_setsigmask(attributes, &none);
  if (!status) status = posix_spawnattr_setsigdefault(attributes, &all);
  if (!status) status = posix_spawnattr_setpgroup(attributes, 0);
  if (!status) {
    const short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
    status = posix_spawnattr_setflags(attributes, flags);
  }
  return status;
}

static int spawn(const char *path, char *const argv[], char *const envp[], int output, int lifeline, pid_t *pid) {
  posix_spawn_file_actions_t actions;
  int status = posix_spawn_file_actions_init(&actions);
  if (status) return status;
  posix_spawnattr_t attributes;
  status = posix_spawnattr_init(&attributes);
  if (!status) {
    status = set_actions(&actions, output, lifeline);
    if (!status) status = set_attributes(&attributes);
    if (!status) status = posix_spawn(pid, path, &actions, &attributes, argv, envp);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  return status;
}

int illmrec_spawn(const char *path, char *const argv[], char *const envp[], illmrec_child *child) {
  int output[2], lifeline[2];
  if (pipe2(output, O_CLOEXEC)) return errno;
  if (pipe2(lifeline, O_CLOEXEC)) {
    const int status = errno;
    close(output[0]);
    close(output[1]);
    return status;
  }
  const int status = spawn(path, argv, envp, output[1], lifeline[0], &child->pid);
  close(output[1]);
  close(lifeline[0]);
  if (status) {
    close(output[0]);
    close(lifeline[1]);
    return status;
  }
  child->output = output[0];
  child->lifeline = lifeline[1];
  return 0;
}

void illmrec_release_free_memory(void) {
#ifdef __GLIBC__
  malloc_trim(1 << 20);
#endif
}
