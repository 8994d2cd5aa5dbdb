// SPDX-License-Identifier: Apache-2.0

// Products of the models' shapes on every compute path, as a share of the peak that the same run measures.
// Built and run by scripts/bench-gemm.sh.

#include <cblas.h>
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "illmrec_packed.h"

enum { SUMS = 24, TRIES = 5, MATRIX_BYTES = 300 << 20, LARGE_PAGE = 2 << 20 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static volatile float sink;

#define PEAK(name, target_features, type, zero, step, reduce)                           \
  __attribute__((target(target_features))) static void name(long rounds) {              \
    type sums[SUMS], x = zero, y = zero;                                                \
    for (int i = 0; i < SUMS; i++) sums[i] = zero;                                      \
    for (long r = 0; r < rounds; r++) {                                                 \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < SUMS; i++) sums[i] = step; \
      __asm__ volatile("" : "+v"(x), "+v"(y));                                          \
    }                                                                                   \
    type total = sums[0];                                                               \
    for (int i = 1; i < SUMS; i++) total += sums[i];                                    \
    sink = (float)reduce;                                                               \
  }

PEAK(peak_float32, "avx512f", __m512, _mm512_setzero_ps(), _mm512_fmadd_ps(x, y, sums[i]), total[0])
PEAK(peak_bfloat16, "avx512f,avx512bf16", __m512, _mm512_setzero_ps(),
     _mm512_dpbf16_ps(sums[i], (__m512bh)x, (__m512bh)y), total[0])
PEAK(peak_int8, "avx512f,avx512vnni", __m512i, _mm512_setzero_si512(), _mm512_dpbusd_epi32(sums[i], x, y), total[0])

typedef struct {
  void (*run)(long rounds);
  long rounds;
} peak_job;

static void run_peak(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const peak_job *job = context;
  for (; begin < end; begin++) job->run(job->rounds);
}

// GFLOP/s of all threads; `operations` in one instruction.
static double peak(illmrec_team *team, void (*run)(long), double operations) {
  const size_t threads = illmrec_team_size(team);
  peak_job job = {run, 4000000};
  double best = 0;
  for (int i = 0; i < 4 * TRIES; i++) {
    const double start = now();
    illmrec_team_run(team, threads, 1, run_peak, &job);
    const double speed = 1e-9 * operations * SUMS * (double)job.rounds * (double)threads / (now() - start);
    best = speed > best ? speed : best;
  }
  return best;
}

typedef struct {
  illmrec_packed_format format;
  illmrec_path path;
  const char *name;
  // Which peak its instructions have.
  int peak;
} way;

// Weights come from memory as in a model: more matrices than the caches hold take turns.
static void measure(illmrec_team *team, const way *way, size_t rows, size_t outputs, size_t inputs,
                    const double *peaks) {
  const size_t bytes = illmrec_packed_bytes(way->format, outputs, inputs);
  const size_t stride = (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE, count = MATRIX_BYTES / stride + 2;
  char *matrices = aligned_alloc(LARGE_PAGE, stride * count);
  float *x = aligned_alloc(64, rows * inputs * sizeof *x), *y = aligned_alloc(64, rows * outputs * sizeof *y);
  if (matrices == NULL || x == NULL || y == NULL) exit(1);
  memset(matrices, 0x3c, stride * count);
  for (size_t i = 0; i < rows * inputs; i++) x[i] = (float)(i % 97) * 0.01f - 0.3f;
  memset(y, 0, rows * outputs * sizeof *y);
  const double operations = 2.0 * (double)rows * (double)outputs * (double)inputs;
  const size_t calls = (size_t)(2e10 / operations) + 1;
  double best = 0;
  for (size_t try = 0, call = 0; try < TRIES; try++) {
    const double start = now();
    for (size_t i = 0; i < calls; i++, call++) {
      illmrec_packed_linear(team, way->format, way->path, x, rows, inputs, inputs, matrices + call % count * stride,
                            outputs, NULL, 0, y, outputs);
    }
    const double speed = 1e-9 * operations * (double)calls / (now() - start);
    best = speed > best ? speed : best;
  }
  printf("%-24s %5zu %6zu %6zu %9.0f %8.0f%% %10.1f\n", way->name, rows, outputs, inputs, best,
         100 * best / peaks[way->peak], best / operations * (double)bytes);
  fflush(stdout);
  free(matrices);
  free(x);
  free(y);
}

static double seconds_of(int is_ours, const float *x, size_t rows, size_t outputs, size_t inputs, const float *weight,
                         float *y) {
  const double start = now();
  if (is_ours) {
    if (illmrec_linear(NULL, ILLMREC_ISA_BEST, x, rows, inputs, inputs, weight, outputs, NULL, 0, y, outputs)) exit(1);
  } else {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)rows, (blasint)outputs, (blasint)inputs, 1, x,
                (blasint)inputs, weight, (blasint)inputs, 0, y, (blasint)outputs);
  }
  return now() - start;
}

// float32 on one thread, ours and OpenBLAS's in turn, the best of each: matrices take turns as above.
static void compare_float32(size_t rows, size_t outputs, size_t inputs) {
  const size_t size = outputs * inputs, count = MATRIX_BYTES / 4 / (size * sizeof(float)) + 2;
  float *matrices = malloc(size * count * sizeof *matrices);
  float *x = malloc(rows * inputs * sizeof *x), *y = malloc(rows * outputs * sizeof *y);
  if (matrices == NULL || x == NULL || y == NULL) exit(1);
  for (size_t i = 0; i < size * count; i++) matrices[i] = (float)(i % 89) * 0.01f - 0.4f;
  for (size_t i = 0; i < rows * inputs; i++) x[i] = (float)(i % 97) * 0.01f - 0.3f;
  const double operations = 2.0 * (double)rows * (double)outputs * (double)inputs;
  const size_t tries = 2 * TRIES + (size_t)(2e9 / operations);
  double best[2] = {1e9, 1e9};
  for (size_t call = 0; call < 2 * tries; call++) {
    const double seconds = seconds_of(call % 2, x, rows, outputs, inputs, matrices + call % count * size, y);
    best[call % 2] = seconds < best[call % 2] ? seconds : best[call % 2];
  }
  printf("%5zu %6zu %6zu %9.1f %9.1f %8.2f\n", rows, outputs, inputs, 1e-9 * operations / best[1],
         1e-9 * operations / best[0], best[0] / best[1]);
  fflush(stdout);
  free(matrices);
  free(x);
  free(y);
}

int main(int count, char **arguments) {
  static const way ways[] = {
      {ILLMREC_PACKED_BFLOAT16, ILLMREC_PATH_AVX512, "bfloat16 avx512", 0},
      {ILLMREC_PACKED_BFLOAT16, ILLMREC_PATH_AVX512_BF16, "bfloat16 avx512-bf16", 1},
      {ILLMREC_PACKED_INT8, ILLMREC_PATH_AVX512, "int8 avx512", 2},
  };
  // Sheared-LLaMA-2.7B: attention, feed-forward both ways; SigLIP so400m: feed-forward.
  static const size_t shapes[][2] = {{2560, 2560}, {6912, 2560}, {2560, 6912}, {4304, 1152}};
  static const size_t rows[] = {1, 16, 256, 1024};
  printf("float32, one thread, GFLOP/s\n%5s %6s %6s %9s %9s %8s\n", "rows", "out", "in", "ours", "OpenBLAS", "ratio");
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    for (size_t r = 0; r + 1 < sizeof rows / sizeof *rows; r++) compare_float32(rows[r], shapes[s][0], shapes[s][1]);
  }
  illmrec_team *team = illmrec_team_create(count > 1 ? (size_t)atoi(arguments[1]) : illmrec_available_cpus());
  if (team == NULL) return 1;
  const bool bf16 = illmrec_path_supported(ILLMREC_PACKED_BFLOAT16, ILLMREC_PATH_AVX512_BF16);
  const bool vnni = illmrec_path_supported(ILLMREC_PACKED_INT8, ILLMREC_PATH_AVX512);
  if (!illmrec_path_supported(ILLMREC_PACKED_BFLOAT16, ILLMREC_PATH_AVX512)) {
    puts("This CPU has no AVX-512; its paths are not measured here.");
    return 0;
  }
  const double peaks[] = {peak(team, peak_float32, 32), bf16 ? peak(team, peak_bfloat16, 64) : 0,
                          vnni ? peak(team, peak_int8, 128) : 0};
  printf("Peaks of %zu threads, GFLOP/s: float32 FMA %.0f, bfloat16 pairs %.0f, int8 VNNI %.0f\n\n",
         illmrec_team_size(team), peaks[0], peaks[1], peaks[2]);
  printf("%-24s %5s %6s %6s %9s %9s %10s\n", "format, path", "rows", "out", "in", "GFLOP/s", "of peak", "GB/s read");
  for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
    if (!illmrec_path_supported(ways[w].format, ways[w].path)) continue;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
      for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        measure(team, &ways[w], rows[r], shapes[s][0], shapes[s][1], peaks);
      }
    }
  }
  illmrec_team_destroy(team);
}
