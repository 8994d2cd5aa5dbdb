// SPDX-License-Identifier: Apache-2.0

// The part of rows_kernel.h that training alone calls; included by it, once per feature set.

// With s = 1 / (1 + exp(-x)): dx = dy gate s (1 + x (1 - s)), dgate = dy x s.
KERNEL_INLINED void KERNEL(silu_gradient)(FLOATS *x, FLOATS *gate, FLOATS dy) {
#pragma clang fp contract(fast)
  const FLOATS value = *x, sigmoid = KERNEL_RECIPROCAL(1.0f + KERNEL(exponential)(-value));
  const FLOATS weighted = dy * sigmoid;
  *x = weighted * *gate * (1.0f + value * (1.0f - sigmoid));
  *gate = weighted * value;
}

// With v = 2 sqrt(2 / pi) (x + 0.044715 x³) and s = 1 / (1 + exp(-v)): dx = dy gate (s + x s (1 - s) dv/dx), dgate = dy x s.
KERNEL_INLINED void KERNEL(gelu_tanh_gradient)(FLOATS *x, FLOATS *gate, FLOATS dy) {
#pragma clang fp contract(fast)
  const float first = 1.5957691216057308f, third = 1.5957691216057308f * 0.044715f;
  const FLOATS value = *x, square = value * value;
  const FLOATS sigmoid = KERNEL_RECIPROCAL(1.0f + KERNEL(exponential)(-value * (first + third * square)));
  const FLOATS weighted = dy * sigmoid;
  *x = weighted * *gate * (1.0f + value * (1.0f - sigmoid) * (first + 3 * third * square));
  *gate = weighted * value;
}

// Of x * activation(x) * gate, by the gradient of one vector.
#define GATED_BACKWARD(name, gradient)                                                               \
  KERNEL_FUNCTION void KERNEL(name)(float *x, float *gate, const float *dy, size_t count) {          \
    size_t i = 0;                                                                                    \
    for (; i + LANES <= count; i += LANES) {                                                         \
      FLOATS dx = KERNEL(load)(x + i), dgate = KERNEL(load)(gate + i);                               \
      KERNEL(gradient)(&dx, &dgate, KERNEL(load)(dy + i));                                           \
      KERNEL(store)(dx, x + i);                                                                      \
      KERNEL(store)(dgate, gate + i);                                                                \
    }                                                                                                \
    FLOATS dx = KERNEL(load_last)(x + i, count - i), dgate = KERNEL(load_last)(gate + i, count - i); \
    KERNEL(gradient)(&dx, &dgate, KERNEL(load_last)(dy + i, count - i));                             \
    KERNEL(store_last)(dx, x + i, count - i);                                                        \
    KERNEL(store_last)(dgate, gate + i, count - i);                                                  \
  }

GATED_BACKWARD(silu_multiply_backward, silu_gradient)
GATED_BACKWARD(gelu_tanh_multiply_backward, gelu_tanh_gradient)
#undef GATED_BACKWARD

KERNEL_INLINED float KERNEL(largest)(const float *x, size_t count) {
  FLOATS maxima = (FLOATS){0} - __builtin_inff();
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    const FLOATS value = KERNEL(load)(x + i);
    maxima = value > maxima ? value : maxima;
  }
  float lanes[KERNEL_LANES];
  KERNEL(store)(maxima, lanes);
  float largest = lanes[0];
  for (size_t lane = 1; lane < LANES; lane++) largest = lanes[lane] > largest ? lanes[lane] : largest;
  for (; i < count; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

// A NaN is no maximum, but makes the sum one.
KERNEL_FUNCTION float KERNEL(softmax)(float *x, size_t count, float factor) {
  const float largest = KERNEL(largest)(x, count);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) KERNEL(store)(KERNEL(exponential)(KERNEL(load)(x + i) - largest), x + i);
  const FLOATS last = KERNEL(exponential)(KERNEL(load_last)(x + i, count - i) - largest);
  KERNEL(store_last)(last, x + i, count - i);
  const float sum = KERNEL(sum)(x, count, 0, false), scale = factor / sum;
  for (i = 0; i < count; i++) x[i] *= scale;
  return largest + logf(sum);
}

KERNEL_INLINED void KERNEL(softmax_gradient)(FLOATS *score, FLOATS *dweight, float scale, float log_sum, float mean) {
#pragma clang fp contract(fast)
  *score = KERNEL(exponential)(*score * scale - log_sum);
  *dweight = *score * (*dweight - mean) * scale;
}

KERNEL_FUNCTION void KERNEL(softmax_backward)(float *scores, float *dweights, size_t count, float scale, float log_sum,
                                              float mean) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    FLOATS score = KERNEL(load)(scores + i), dweight = KERNEL(load)(dweights + i);
    KERNEL(softmax_gradient)(&score, &dweight, scale, log_sum, mean);
    KERNEL(store)(score, scores + i);
    KERNEL(store)(dweight, dweights + i);
  }
  FLOATS score = KERNEL(load_last)(scores + i, count - i), dweight = KERNEL(load_last)(dweights + i, count - i);
  KERNEL(softmax_gradient)(&score, &dweight, scale, log_sum, mean);
  KERNEL(store_last)(score, scores + i, count - i);
  KERNEL(store_last)(dweight, dweights + i, count - i);
}
