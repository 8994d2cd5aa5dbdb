// SPDX-License-Identifier: Apache-2.0

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "illmrec_packed.h"

enum { ROWS = 28, INPUTS = 512, OUTPUTS = 128, TRIES = 6 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double best_of_tries(illmrec_packed_format format, illmrec_path path, const float *x, const void *packed,
                            float *y) {
  double best = 0;
  for (int i = 0; i < TRIES; i++) {
    const double start = now();
    if (illmrec_packed_linear(NULL, format, path, x, ROWS, INPUTS, INPUTS, packed, OUTPUTS, NULL, 0, y, OUTPUTS)) break;
    const double speed = 2e-9 * ROWS * INPUTS * OUTPUTS / (now() - start);
    best = speed > best ? speed : best;
  }
  return best;
}

double illmrec_path_speed(illmrec_packed_format format, illmrec_path path) {
  if (!illmrec_path_supported(format, path)) return 0;
  const size_t bytes = illmrec_packed_bytes(format, OUTPUTS, INPUTS);
  void *packed = aligned_alloc(64, (bytes + 63) / 64 * 64);
  float *x = calloc(ROWS * INPUTS, sizeof *x), *y = calloc(ROWS * OUTPUTS, sizeof *y);
  double best = 0;
  if (packed != NULL && x != NULL && y != NULL) {
    memset(packed, 0, bytes);
    best = best_of_tries(format, path, x, packed, y);
  }
  free(packed);
  free(x);
  free(y);
  return best;
}
