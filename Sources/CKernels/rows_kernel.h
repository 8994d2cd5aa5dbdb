// SPDX-License-Identifier: Apache-2.0

// A template, included once per feature set: what is computed row by row or element by element between products.
//
// Most of it is one long chain of dependent instructions per vector. So a "vector" here is four of the machine's, whose
// chains the compiler interleaves: the processor's scheduler holds too few instructions to find them in later iterations.
//
// Parameters beside template_begin.h's, whose KERNEL_LANES are the floats of four machine vectors: KERNEL_RECIPROCAL(x),
// the reciprocals of a vector within 1 unit in the last place.

#include "template_begin.h"

KERNEL_INLINED FLOATS KERNEL(load)(const float *x) { return *(const KERNEL(floats_anywhere) *)x; }

KERNEL_INLINED void KERNEL(store)(FLOATS vector, float *x) { *(KERNEL(floats_anywhere) *)x = vector; }

/// The last `count` floats of a row, fewer than a vector; lanes beyond are zero.
KERNEL_INLINED FLOATS KERNEL(load_last)(const float *x, size_t count) {
  FLOATS vector = {0};
  memcpy(&vector, x, count * sizeof *x);
  return vector;
}

KERNEL_INLINED void KERNEL(store_last)(FLOATS vector, float *x, size_t count) { memcpy(x, &vector, count * sizeof *x); }

/// exp(x) within 2 units in the last place where it is between 2^-125 and 2^125, and that bound beyond. NaN stays NaN.
///
/// x = n ln 2 + r with |r| <= ln(2) / 2; exp(r) by the Taylor series to r⁷ (its remainder is below 2^-26), 2^n by the
/// exponent bits. ln 2 is split in two so that n ln 2 is exact.
KERNEL_INLINED FLOATS KERNEL(exponential)(FLOATS x) {
#pragma clang fp contract(fast)
  const FLOATS bound = (FLOATS){0} + 86.6f;
  // Adding 1.5 * 2^23 + 127 rounds to the nearest integer and leaves n + 127, an exponent's bits, in the lowest bits.
  const FLOATS rounding = (FLOATS){0} + (0x1.8p+23f + 127);
  x = bound < x ? bound : x;
  x = -bound > x ? -bound : x;
  FLOATS shifted = x * 0x1.715476p+0f + rounding;
  FLOATS n = shifted - rounding;
  FLOATS r = (x - n * 0x1.62e400p-1f) - n * 0x1.7f7d1cp-20f;
  FLOATS p = r * (1.0f / 5040) + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return p * (FLOATS)((INTEGERS)shifted << 23);
}

/// x / (1 + exp(-u)).
KERNEL_INLINED FLOATS KERNEL(gated)(FLOATS x, FLOATS u) {
  return x * KERNEL_RECIPROCAL(1.0f + KERNEL(exponential)(-u));
}

KERNEL_FUNCTION void KERNEL(silu_multiply)(float *x, const float *gate, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    const FLOATS value = KERNEL(load)(x + i);
    KERNEL(store)(KERNEL(gated)(value, value) * KERNEL(load)(gate + i), x + i);
  }
  const FLOATS value = KERNEL(load_last)(x + i, count - i);
  KERNEL(store_last)(KERNEL(gated)(value, value) * KERNEL(load_last)(gate + i, count - i), x + i, count - i);
}

// 0.5 (1 + tanh(u)) = 1 / (1 + exp(-2 u))
KERNEL_INLINED FLOATS KERNEL(gelu_tanh_of)(FLOATS x) {
#pragma clang fp contract(fast)
  const float twice_sqrt_2_over_pi = 1.5957691216057308f;
  return KERNEL(gated)(x, x * (twice_sqrt_2_over_pi + twice_sqrt_2_over_pi * 0.044715f * (x * x)));
}

KERNEL_FUNCTION void KERNEL(gelu_tanh)(float *x, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) KERNEL(store)(KERNEL(gelu_tanh_of)(KERNEL(load)(x + i)), x + i);
  KERNEL(store_last)(KERNEL(gelu_tanh_of)(KERNEL(load_last)(x + i, count - i)), x + i, count - i);
}

KERNEL_FUNCTION void KERNEL(quick_gelu)(float *x, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    const FLOATS value = KERNEL(load)(x + i);
    KERNEL(store)(KERNEL(gated)(value, 1.702f * value), x + i);
  }
  const FLOATS value = KERNEL(load_last)(x + i, count - i);
  KERNEL(store_last)(KERNEL(gated)(value, 1.702f * value), x + i, count - i);
}

KERNEL_FUNCTION void KERNEL(gelu_tanh_multiply)(float *x, const float *gate, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    KERNEL(store)(KERNEL(gelu_tanh_of)(KERNEL(load)(x + i)) * KERNEL(load)(gate + i), x + i);
  }
  const FLOATS value = KERNEL(load_last)(x + i, count - i);
  KERNEL(store_last)(KERNEL(gelu_tanh_of)(value) * KERNEL(load_last)(gate + i, count - i), x + i, count - i);
}

/// Sum of (x - centre)², or of x - centre when `squared` is not set, lane by lane, then the lanes in halves.
KERNEL_INLINED float KERNEL(sum)(const float *x, size_t width, float centre, bool squared) {
#pragma clang fp contract(fast)
  FLOATS sums = {0};
  size_t c = 0;
  for (; c + LANES <= width; c += LANES) {
    const FLOATS value = *(const KERNEL(floats_anywhere) *)(x + c) - centre;
    sums += squared ? value * value : value;
  }
  float total = 0;
  for (; c < width; c++) total += squared ? (x[c] - centre) * (x[c] - centre) : x[c] - centre;
  float lanes[KERNEL_LANES];
  KERNEL(store)(sums, lanes);
  for (size_t half = LANES / 2; half > 0; half /= 2) {
    for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  }
  return total + lanes[0];
}

/// 1 / sqrt(x), and NaN for infinity: a row whose squares overflow must not pass for one of zeros.
KERNEL_INLINED float KERNEL(reciprocal_root)(float x) { return sqrtf(x) / x; }

KERNEL_FUNCTION void KERNEL(rms_norm)(const float *x, size_t width, const float *weight, float epsilon, float *out) {
  const float factor = KERNEL(reciprocal_root)(KERNEL(sum)(x, width, 0, true) / (float)width + epsilon);
  size_t c = 0;
  for (; c + LANES <= width; c += LANES) {
    KERNEL(store)(KERNEL(load)(x + c) * factor * KERNEL(load)(weight + c), out + c);
  }
  for (; c < width; c++) out[c] = x[c] * factor * weight[c];
}

// The variance is taken around the mean: E[x²] - E[x]² would cancel.
KERNEL_FUNCTION void KERNEL(layer_norm)(const float *x, size_t width, const float *weight, const float *bias,
                                        float epsilon, float *out) {
#pragma clang fp contract(fast)
  const float mean = KERNEL(sum)(x, width, 0, false) / (float)width;
  const float factor = KERNEL(reciprocal_root)(KERNEL(sum)(x, width, mean, true) / (float)width + epsilon);
  size_t c = 0;
  for (; c + LANES <= width; c += LANES) {
    const FLOATS normed = (KERNEL(load)(x + c) - mean) * factor;
    KERNEL(store)(normed * KERNEL(load)(weight + c) + KERNEL(load)(bias + c), out + c);
  }
  for (; c < width; c++) out[c] = (x[c] - mean) * factor * weight[c] + bias[c];
}

/// By the angles when `direction` is 1, by their opposites when it is -1. A plain loop: half a head is rarely a multiple
/// of four vectors.
KERNEL_INLINED void KERNEL(turn)(float *restrict x, size_t heads, size_t half, const float *restrict cosine,
                                 const float *restrict sine, float direction) {
#pragma clang fp contract(fast)
  for (size_t head = 0; head < heads; head++) {
    float *restrict low = x + head * 2 * half, *restrict high = low + half;
    for (size_t e = 0; e < half; e++) {
      const float a = low[e], b = high[e], sin = direction * sine[e];
      low[e] = a * cosine[e] - b * sin;
      high[e] = b * cosine[e] + a * sin;
    }
  }
}

KERNEL_FUNCTION void KERNEL(rotate)(float *x, size_t heads, size_t half, const float *cosine, const float *sine) {
  KERNEL(turn)(x, heads, half, cosine, sine, 1);
}

KERNEL_FUNCTION void KERNEL(rotate_back)(float *x, size_t heads, size_t half, const float *cosine, const float *sine) {
  KERNEL(turn)(x, heads, half, cosine, sine, -1);
}

#include "rows_backward_kernel.h"

static const row_kernels KERNEL(row_kernels) = {
    .silu_multiply = KERNEL(silu_multiply),
    .gelu_tanh = KERNEL(gelu_tanh),
    .quick_gelu = KERNEL(quick_gelu),
    .gelu_tanh_multiply = KERNEL(gelu_tanh_multiply),
    .rms_norm = KERNEL(rms_norm),
    .layer_norm = KERNEL(layer_norm),
    .rotate = KERNEL(rotate),
    .rotate_back = KERNEL(rotate_back),
    .silu_multiply_backward = KERNEL(silu_multiply_backward),
    .gelu_tanh_multiply_backward = KERNEL(gelu_tanh_multiply_backward),
    .softmax = KERNEL(softmax),
    .softmax_backward = KERNEL(softmax_backward),
};

#undef KERNEL_RECIPROCAL
#include "template_end.h"
