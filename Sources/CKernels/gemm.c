// SPDX-License-Identifier: Apache-2.0

#include "gemm.h"

#include <cblas.h>
#include <stdlib.h>
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
