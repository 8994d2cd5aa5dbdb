// SPDX-License-Identifier: Apache-2.0

#include "reference_kernels.h"

#include <math.h>

void reference_linear(const float *x, size_t rows, size_t inner, size_t x_stride, const float *weight, size_t outer,
                      const float *bias, int accumulate, float *y, size_t y_stride) {
  for (size_t t = 0; t < rows; t++) {
    for (size_t o = 0; o < outer; o++) {
      double sum = accumulate ? y[t * y_stride + o] : 0;
      if (bias) sum += bias[o];
      for (size_t i = 0; i < inner; i++) sum += (double)x[t * x_stride + i] * weight[o * inner + i];
      y[t * y_stride + o] = (float)sum;
    }
  }
}

static double score_of(const float *query, const float *key, size_t head_width, float scale) {
  double dot = 0;
  for (size_t e = 0; e < head_width; e++) dot += (double)query[e] * key[e];
  return dot * scale;
}

// `bias`, by key, is added to the scores unless it is NULL.
static void attend_one_query(const float *query, const float *key, const float *value, size_t kv_stride, size_t keys,
                             size_t head_width, float scale, const float *bias, float *out) {
  double scores[keys], maximum = -INFINITY, sum = 0;
  for (size_t k = 0; k < keys; k++) {
    scores[k] = score_of(query, key + k * kv_stride, head_width, scale) + (bias ? bias[k] : 0);
    maximum = fmax(maximum, scores[k]);
  }
  for (size_t k = 0; k < keys; k++) sum += exp(scores[k] - maximum);
  for (size_t e = 0; e < head_width; e++) {
    double mixed = 0;
    for (size_t k = 0; k < keys; k++) mixed += exp(scores[k] - maximum) * value[k * kv_stride + e];
    out[e] = (float)(mixed / sum);
  }
}

void reference_attention(const illmrec_sequence *sequences, size_t sequence_count, const float *query,
                         size_t query_stride, const float *key, const float *value, size_t kv_stride, size_t heads,
                         size_t kv_heads, size_t head_width, float scale, int causal, float *out, size_t out_stride) {
  for (size_t s = 0; s < sequence_count; s++) {
    illmrec_sequence q = sequences[s];
    for (size_t i = 0; i < q.query_count; i++) {
      for (size_t h = 0; h < heads; h++) {
        size_t kv = q.key_start * kv_stride + h / (heads / kv_heads) * head_width;
        size_t keys = causal ? q.key_count - q.query_count + i + 1 : q.key_count;
        attend_one_query(query + (q.query_start + i) * query_stride + h * head_width, key + kv, value + kv, kv_stride,
                         keys, head_width, scale, NULL, out + (q.query_start + i) * out_stride + h * head_width);
      }
    }
  }
}

void reference_attention_with_bias(const illmrec_sequence *sequences, size_t sequence_count, const float *query,
                                   size_t query_stride, const float *key, const float *value, size_t kv_stride,
                                   size_t heads, size_t head_width, float scale, const float *bias, size_t reach,
                                   float *out, size_t out_stride) {
  for (size_t s = 0; s < sequence_count; s++) {
    illmrec_sequence q = sequences[s];
    for (size_t i = 0; i < q.query_count; i++) {
      size_t position = q.key_count - q.query_count + i;
      for (size_t h = 0; h < heads; h++) {
        size_t kv = q.key_start * kv_stride + h * head_width, row = q.query_start + i;
        attend_one_query(query + row * query_stride + h * head_width, key + kv, value + kv, kv_stride, q.key_count,
                         head_width, scale, bias + h * (2 * reach + 1) + reach - position,
                         out + row * out_stride + h * head_width);
      }
    }
  }
}

void reference_rms_norm(const float *x, size_t rows, size_t width, const float *weight, float epsilon, float *out) {
  for (size_t t = 0; t < rows; t++) {
    double squares = 0;
    for (size_t c = 0; c < width; c++) squares += (double)x[t * width + c] * x[t * width + c];
    double root = sqrt(squares / (double)width + epsilon);
    for (size_t c = 0; c < width; c++) out[t * width + c] = (float)(x[t * width + c] / root * weight[c]);
  }
}

void reference_layer_norm(const float *x, size_t rows, size_t width, const float *weight, const float *bias,
                          float epsilon, float *out) {
  for (size_t t = 0; t < rows; t++) {
    double mean = 0, variance = 0;
    for (size_t c = 0; c < width; c++) mean += x[t * width + c] / (double)width;
    for (size_t c = 0; c < width; c++) variance += pow(x[t * width + c] - mean, 2) / (double)width;
    for (size_t c = 0; c < width; c++) {
      out[t * width + c] = (float)((x[t * width + c] - mean) / sqrt(variance + epsilon) * weight[c] + bias[c]);
    }
  }
}

void reference_rope(float *x, size_t rows, size_t heads, size_t head_width, const int32_t *positions, double base,
                    double scaling) {
  size_t half = head_width / 2;
  for (size_t t = 0; t < rows; t++) {
    for (size_t h = 0; h < heads; h++) {
      float *head = x + (t * heads + h) * head_width;
      for (size_t e = 0; e < half; e++) {
        double angle = positions[t] / scaling * pow(base, -2.0 * (double)e / (double)head_width);
        double a = head[e], b = head[e + half];
        head[e] = (float)(a * cos(angle) - b * sin(angle));
        head[e + half] = (float)(b * cos(angle) + a * sin(angle));
      }
    }
  }
}

void reference_silu_multiply(float *x, const float *gate, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = (float)(x[i] / (1 + exp(-(double)x[i])) * gate[i]);
}

void reference_gelu_tanh(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double v = x[i];
    x[i] = (float)(0.5 * v * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (v + 0.044715 * v * v * v))));
  }
}

void reference_gelu(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = (float)(0.5 * x[i] * (1 + erf((double)x[i] / sqrt(2))));
}

void reference_quick_gelu(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = (float)(x[i] / (1 + exp(-1.702 * (double)x[i])));
}

void reference_patches(const float *image, size_t channels, size_t height, size_t width, size_t patch, float *out) {
  size_t across = width / patch, down = height / patch, row = channels * patch * patch;
  for (size_t c = 0; c < channels; c++) {
    for (size_t y = 0; y < down * patch; y++) {
      for (size_t x = 0; x < across * patch; x++) {
        size_t index = y / patch * across + x / patch;
        out[index * row + (c * patch + y % patch) * patch + x % patch] = image[(c * height + y) * width + x];
      }
    }
  }
}

float reference_from_f16(uint16_t x) {
  int exponent = x >> 10 & 31;
  double fraction = (x & 1023) / 1024.0, sign = x >> 15 ? -1 : 1;
  if (exponent == 31) return fraction == 0 ? (float)(sign * INFINITY) : NAN;
  return (float)(sign * (exponent == 0 ? ldexp(fraction, -14) : ldexp(1 + fraction, exponent - 15)));
}
