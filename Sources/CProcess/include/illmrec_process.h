// SPDX-License-Identifier: Apache-2.0

// What a process asks of the system. Child processes for a supervisor: started with exactly the descriptors and signal settings they need.

#ifndef ILLMREC_PROCESS_H
#define ILLMREC_PROCESS_H

#include <sys/types.h>

// Where the child finds the reading end of its lifeline.
#define ILLMREC_LIFELINE_FD 3

// A started process. The descriptors are the caller's to close; both close on exec.
typedef struct {
  pid_t pid;
  // Reading end of the child's standard output and standard error; ends with the child.
  int output;
  // Writing end of the lifeline, on which nothing is written. The child reads end-of-file from ILLMREC_LIFELINE_FD once the
  // last copy of this end is closed, which the kernel does when the caller's process ends, however it ends.
  int lifeline;
} illmrec_child;

// Starts `path` in a process group of its own, with standard input from /dev/null, no other descriptors than those above, no
// blocked signals and none ignored. `argv` and `envp` end with NULL. Thread safe.
// Returns 0, or an errno value; nothing is left open or running then.
int illmrec_spawn(const char *path, char *const argv[], char *const envp[], illmrec_child *child);

// Gives the pages of freed memory that the C library keeps back to the system, but for a little. Takes milliseconds. Thread safe.
void illmrec_release_free_memory(void);

#endif
