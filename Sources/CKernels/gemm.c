// SPDX-License-Identifier: Apache-2.0

#include "gemm.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "illmrec_kernels.h"

// OpenBLAS runs on the calling thread alone; the team divides the work. That leaves one set of threads in the process
// instead of two that wait for each other.

#if defined(__x86_64__)

// Exported by OpenBLAS builds that hold kernels for several CPUs.
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

static int is_one_of(const char *name, const char *const *names) {
  for (; *names != NULL; names++) {
    if (strcasecmp(name, *names) == 0) return 1;
  }
  return 0;
}

// What the CPU's instructions allow: 2 AVX-512, 1 AVX2, 0 less.
static int cpu_level(void) {
  if (illmrec_cpu_has(ILLMREC_CPU_AVX512)) return 2;
  return illmrec_cpu_has(ILLMREC_CPU_AVX2) ? 1 : 0;
}

static int core_level(const char *core) {
  static const char *const avx512[] = {"SkylakeX", "Cooperlake", "SapphireRapids", NULL};
  static const char *const avx2[] = {"Haswell", "Zen", "Excavator", NULL};
  return is_one_of(core, avx512) ? 2 : is_one_of(core, avx2) ? 1 : 0;
}

// OpenBLAS knows CPUs by model number and runs SSE3 kernels on one that is newer than itself: 0.3.21 does on Intel's
// fifth Xeon generation, at a fifth of the speed. Here it is told what the CPU can do, unless the user has.
//
// Runs before main, so no other thread reads the environment or multiplies.
__attribute__((constructor)) static void choose_core(void) {
  openblas_set_num_threads(1);
  static const char *const core_of_level[] = {NULL, "Haswell", "SkylakeX"};
  int level = cpu_level();
  if (gotoblas_dynamic_init == NULL || gotoblas_dynamic_quit == NULL || getenv("OPENBLAS_CORETYPE") != NULL) return;
  if (core_level(openblas_get_corename()) >= level) return;
  setenv("OPENBLAS_CORETYPE", core_of_level[level], 1);
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  unsetenv("OPENBLAS_CORETYPE");
}

#else

__attribute__((constructor)) static void choose_threads(void) { openblas_set_num_threads(1); }

#endif

const char *illmrec_gemm_core(void) { return openblas_get_corename(); }

static CBLAS_TRANSPOSE cblas_layout(gemm_layout layout) {
  return layout == GEMM_TRANSPOSED ? CblasTrans : CblasNoTrans;
}

void gemm_on_this_thread(size_t m, size_t n, size_t k, const float *a, size_t a_stride, gemm_layout a_layout,
                         const float *b, size_t b_stride, gemm_layout b_layout, int accumulate, float *c,
                         size_t c_stride) {
  cblas_sgemm(CblasRowMajor, cblas_layout(a_layout), cblas_layout(b_layout), (blasint)m, (blasint)n, (blasint)k, 1.0f,
              a, (blasint)a_stride, b, (blasint)b_stride, accumulate ? 1.0f : 0.0f, c, (blasint)c_stride);
}

typedef struct {
  const float *x;
  size_t rows, inner, x_stride;
  const float *weight;
  size_t outer;
  const float *bias;
  int accumulate;
  float *y;
  size_t y_stride;
} linear;

// The bias goes into y first and the product is added to it: y's tile is then still in the cache.
static void multiply_tile(const linear *l, size_t row, size_t rows, size_t column, size_t columns) {
  float *y = l->y + row * l->y_stride + column;
  if (l->bias != NULL) {
    const float *bias = l->bias + column;
    for (size_t r = 0; r < rows; r++) {
      float *y_row = y + r * l->y_stride;
      if (!l->accumulate) {
        memcpy(y_row, bias, columns * sizeof *bias);
      } else {
        for (size_t c = 0; c < columns; c++) y_row[c] += bias[c];
      }
    }
  }
  gemm_on_this_thread(rows, columns, l->inner, l->x + row * l->x_stride, l->x_stride, GEMM_PLAIN,
                      l->weight + column * l->inner, l->inner, GEMM_TRANSPOSED, l->accumulate || l->bias != NULL, y,
                      l->y_stride);
}

static void multiply_columns(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const linear *l = context;
  multiply_tile(l, 0, l->rows, begin, end - begin);
}

static void multiply_rows(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const linear *l = context;
  multiply_tile(l, begin, end - begin, 0, l->outer);
}

void illmrec_linear(illmrec_team *team, const float *x, size_t rows, size_t inner, size_t x_stride, const float *weight,
                    size_t outer, const float *bias, int accumulate, float *y, size_t y_stride) {
  linear l = {x, rows, inner, x_stride, weight, outer, bias, accumulate, y, y_stride};
  const size_t parts = illmrec_team_size(team);
  if (rows == 0 || outer == 0) return;
  if (rows * inner * outer < GEMM_TEAM_WORTHWHILE) {
    multiply_columns(&l, 0, outer, 0);
  } else if (outer >= rows) {
    // Each part packs all of x and its own weights: the longer side is divided.
    illmrec_team_run(team, outer, gemm_part(outer, parts), multiply_columns, &l);
  } else {
    illmrec_team_run(team, rows, gemm_part(rows, parts), multiply_rows, &l);
  }
}
