// SPDX-License-Identifier: Apache-2.0

// Bytes a second that threads read from memory together: bandwidth THREADS BYTES prints GB/s, the best of five.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef uint64_t vector __attribute__((vector_size(64)));

static const char *memory;
static size_t part_bytes, repeats;
static volatile uint64_t sink;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"))) static void *read_part(void *argument) {
  const char *part = memory + (size_t)argument * part_bytes;
  vector sums[4] = {{0}};
  for (size_t r = 0; r < repeats; r++) {
    for (size_t i = 0; i < part_bytes; i += sizeof sums) {
      for (int v = 0; v < 4; v++) sums[v] += ((const vector *)(part + i))[v];
    }
    __asm__ volatile("" ::: "memory");
  }
  sink = sums[0][0] + sums[1][0] + sums[2][0] + sums[3][0];
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 3) return fprintf(stderr, "usage: bandwidth THREADS BYTES\n"), 2;
  const size_t threads = strtoul(arguments[1], NULL, 10), wanted = strtoul(arguments[2], NULL, 10);
  if (threads < 1 || threads > 64) return fprintf(stderr, "1 to 64 threads\n"), 2;
  part_bytes = wanted / threads / 4096 * 4096;
  repeats = part_bytes < (1 << 29) ? (1 << 30) / (part_bytes + 1) + 1 : 1;
  char *mapped = mmap(NULL, part_bytes * threads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return perror("mmap"), 1;
  madvise(mapped, part_bytes * threads, MADV_HUGEPAGE);
  memset(mapped, 1, part_bytes * threads);
  memory = mapped;
  double best = 0;
  for (int round = 0; round < 5; round++) {
    pthread_t started[64];
    const double begin = seconds();
    for (size_t t = 1; t < threads; t++) pthread_create(&started[t], NULL, read_part, (void *)t);
    read_part(NULL);
    for (size_t t = 1; t < threads; t++) pthread_join(started[t], NULL);
    const double rate = (double)(part_bytes * threads * repeats) / (seconds() - begin) / 1e9;
    if (rate > best) best = rate;
  }
  printf("%.2f\n", best);
  return 0;
}
