// SPDX-License-Identifier: Apache-2.0

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Of processor time: the machine may be busy, which libFuzzer's own limit by the wall clock does not know.
#define MOST_SECONDS 1.0

static const char *name = "fuzz", *seed_folder;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

const char *fuzz_name(void) { return name; }

void fuzz_require(int condition, const char *promise) {
  if (condition) return;
  fprintf(stderr, "broken promise: %s\n", promise);
  abort();
}

void fuzz_seed(const char *seed, const void *bytes, size_t count) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", seed_folder, seed);
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, count, file) != count || fclose(file) != 0) {
    perror(path);
    exit(1);
  }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  const char *slash = strrchr((*argv)[0], '/');
  name = slash != NULL ? slash + 1 : (*argv)[0];
  if (*argc != 3 || strcmp((*argv)[1], "--seeds") != 0) return 0;
  seed_folder = (*argv)[2];
  fuzz_make_seeds();
  exit(0);
}

static double thread_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  double start = thread_seconds();
  fuzz_one(bytes, count);
  fuzz_require(thread_seconds() - start <= MOST_SECONDS, "an input takes a second at most");
  return 0;
}
