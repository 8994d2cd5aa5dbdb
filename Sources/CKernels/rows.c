// SPDX-License-Identifier: Apache-2.0

#include <math.h>
#include <string.h>

#include "blocks.h"
#include "illmrec_backward.h"
#include "illmrec_cpu.h"
#include "illmrec_kernels.h"
#include "rows.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// How vectors are passed would depend on the instruction set; none is, every function that takes one is inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define KERNEL(name) name##_portable
#define KERNEL_TARGET TARGET_PORTABLE
#define KERNEL_LANES 16
#define KERNEL_RECIPROCAL(x) (1.0f / (x))
#include "rows_kernel.h"

#if defined(__x86_64__)
#define KERNEL(name) name##_avx2
#define KERNEL_TARGET TARGET_AVX2
#define KERNEL_LANES 32
#define KERNEL_RECIPROCAL(x) (1.0f / (x))
#include "rows_kernel.h"

// Dividing takes as long as the rest of an activation. The estimate is good to 14 bits, a step of Newton's doubles them.
TARGET_AVX512 INLINED void take_reciprocals(float x[64]) {
  for (size_t i = 0; i < 64; i += 16) {
    const __m512 value = _mm512_loadu_ps(x + i), estimate = _mm512_rcp14_ps(value);
    const __m512 error = _mm512_fnmadd_ps(value, estimate, _mm512_set1_ps(1.0f));
    _mm512_storeu_ps(x + i, _mm512_fmadd_ps(estimate, error, estimate));
  }
}

#define KERNEL(name) name##_avx512
#define KERNEL_TARGET TARGET_AVX512
#define KERNEL_LANES 64
#define KERNEL_RECIPROCAL(x)            \
  ({                                    \
    floats_avx512 values = (x);         \
    take_reciprocals((float *)&values); \
    values;                             \
  })
#include "rows_kernel.h"
#endif

const row_kernels *row_kernels_for(illmrec_isa isa) {
  static const illmrec_variant variants[] = {
#if defined(__x86_64__)
    {ILLMREC_CPU_AVX512, &row_kernels_avx512},
    {ILLMREC_CPU_AVX2, &row_kernels_avx2},
#endif
    {ILLMREC_CPU_PORTABLE, &row_kernels_portable},
  };
  return illmrec_choose(variants, isa);
}

// MARK: Elements

typedef struct {
  const row_kernels *kernels;
  float *x;
  const float *y;
} elements;

static void silu_multiply(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const elements *e = context;
  e->kernels->silu_multiply(e->x + begin, e->y + begin, end - begin);
}

void illmrec_silu_multiply(illmrec_team *team, illmrec_isa isa, float *x, const float *gate, size_t count) {
  elements e = {.kernels = row_kernels_for(isa), .x = x, .y = gate};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK, silu_multiply, &e);
}

static void gelu_tanh_multiply(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const elements *e = context;
  e->kernels->gelu_tanh_multiply(e->x + begin, e->y + begin, end - begin);
}

void illmrec_gelu_tanh_multiply(illmrec_team *team, illmrec_isa isa, float *x, const float *gate, size_t count) {
  elements e = {.kernels = row_kernels_for(isa), .x = x, .y = gate};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK, gelu_tanh_multiply, &e);
}

static void gelu_tanh(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const elements *e = context;
  e->kernels->gelu_tanh(e->x + begin, end - begin);
}

void illmrec_gelu_tanh(illmrec_team *team, illmrec_isa isa, float *x, size_t count) {
  elements e = {.kernels = row_kernels_for(isa), .x = x};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK, gelu_tanh, &e);
}

static void quick_gelu(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const elements *e = context;
  e->kernels->quick_gelu(e->x + begin, end - begin);
}

void illmrec_quick_gelu(illmrec_team *team, illmrec_isa isa, float *x, size_t count) {
  elements e = {.kernels = row_kernels_for(isa), .x = x};
  illmrec_team_run(team, count, ELEMENTS_PER_BLOCK, quick_gelu, &e);
}

// MARK: Norms

typedef struct {
  const row_kernels *kernels;
  const float *x;
  size_t width;
  const float *weight;
  const float *bias;
  float epsilon;
  float *out;
} norm;

static void rms_norm_rows(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const norm *n = context;
  for (size_t row = begin; row < end; row++) {
    n->kernels->rms_norm(n->x + row * n->width, n->width, n->weight, n->epsilon, n->out + row * n->width);
  }
}

void illmrec_rms_norm(illmrec_team *team, illmrec_isa isa, const float *x, size_t rows, size_t width,
                      const float *weight, float epsilon, float *out) {
  norm n = {.kernels = row_kernels_for(isa), .x = x, .width = width, .weight = weight, .epsilon = epsilon, .out = out};
  illmrec_team_run(team, rows, rows_per_block(width), rms_norm_rows, &n);
}

static void layer_norm_rows(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const norm *n = context;
  for (size_t row = begin; row < end; row++) {
    n->kernels->layer_norm(n->x + row * n->width, n->width, n->weight, n->bias, n->epsilon, n->out + row * n->width);
  }
}

void illmrec_layer_norm(illmrec_team *team, illmrec_isa isa, const float *x, size_t rows, size_t width,
                        const float *weight, const float *bias, float epsilon, float *out) {
  norm n = {row_kernels_for(isa), x, width, weight, bias, epsilon, out};
  illmrec_team_run(team, rows, rows_per_block(width), layer_norm_rows, &n);
}

// MARK: Rotary position embeddings

typedef struct {
  // Forth or back.
  void (*rotate)(float *x, size_t heads, size_t half, const float *cosine, const float *sine);
  float *x;
  size_t stride;
  size_t heads;
  size_t half;
  const int32_t *positions;
  const float *cosine;
  const float *sine;
} rope;

static void rotate_rows(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const rope *r = context;
  for (size_t row = begin; row < end; row++) {
    const size_t angles = (size_t)r->positions[row] * r->half;
    r->rotate(r->x + row * r->stride, r->heads, r->half, r->cosine + angles, r->sine + angles);
  }
}

void illmrec_rope(illmrec_team *team, illmrec_isa isa, float *x, size_t rows, size_t stride, size_t heads,
                  size_t head_width, const int32_t *positions, const float *cosine, const float *sine) {
  rope r = {row_kernels_for(isa)->rotate, x, stride, heads, head_width / 2, positions, cosine, sine};
  illmrec_team_run(team, rows, rows_per_block(heads * head_width), rotate_rows, &r);
}

void illmrec_rope_backward(illmrec_team *team, illmrec_isa isa, float *dx, size_t rows, size_t stride, size_t heads,
                           size_t head_width, const int32_t *positions, const float *cosine, const float *sine) {
  rope r = {row_kernels_for(isa)->rotate_back, dx, stride, heads, head_width / 2, positions, cosine, sine};
  illmrec_team_run(team, rows, rows_per_block(heads * head_width), rotate_rows, &r);
}
