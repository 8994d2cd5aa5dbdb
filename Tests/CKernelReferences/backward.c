// SPDX-License-Identifier: Apache-2.0

#include "reference_backward.h"

#include <math.h>
#include <stdlib.h>

void reference64_linear(const double *x, size_t rows, size_t inner, const double *weight, size_t outer,
                        const double *bias, double *y) {
  for (size_t t = 0; t < rows; t++) {
    for (size_t o = 0; o < outer; o++) {
      y[t * outer + o] = bias[o];
      for (size_t i = 0; i < inner; i++) y[t * outer + o] += x[t * inner + i] * weight[o * inner + i];
    }
  }
}

void reference64_linear_backward(const double *x, size_t rows, size_t inner, const double *weight, size_t outer,
                                 const double *dy, double *dx, double *dweight, double *dbias) {
  for (size_t t = 0; t < rows; t++) {
    for (size_t i = 0; i < inner; i++) dx[t * inner + i] = 0;
    for (size_t o = 0; o < outer; o++) {
      const double d = dy[t * outer + o];
      dbias[o] += d;
      for (size_t i = 0; i < inner; i++) {
        dx[t * inner + i] += d * weight[o * inner + i];
        dweight[o * inner + i] += d * x[t * inner + i];
      }
    }
  }
}

static void moments(const double *x, size_t width, double epsilon, int centred, double *mean, double *factor) {
  double variance = 0;
  *mean = 0;
  for (size_t c = 0; centred && c < width; c++) *mean += x[c] / (double)width;
  for (size_t c = 0; c < width; c++) variance += pow(x[c] - *mean, 2) / (double)width;
  *factor = 1 / sqrt(variance + epsilon);
}

void reference64_norm(const double *x, size_t rows, size_t width, const double *weight, const double *bias,
                      double epsilon, int centred, double *y) {
  for (size_t t = 0; t < rows; t++) {
    double mean, factor;
    moments(x + t * width, width, epsilon, centred, &mean, &factor);
    for (size_t c = 0; c < width; c++) {
      y[t * width + c] = (x[t * width + c] - mean) * factor * weight[c] + (centred ? bias[c] : 0);
    }
  }
}

void reference64_norm_backward(const double *x, size_t rows, size_t width, const double *weight, double epsilon,
                               int centred, const double *dy, double *dx, double *dweight, double *dbias) {
  for (size_t t = 0; t < rows; t++) {
    double mean, factor, sum = 0, along = 0;
    moments(x + t * width, width, epsilon, centred, &mean, &factor);
    for (size_t c = 0; c < width; c++) {
      const double normed = (x[t * width + c] - mean) * factor, d = dy[t * width + c];
      dweight[c] += d * normed;
      if (centred) dbias[c] += d;
      sum += d * weight[c] / (double)width;
      along += d * weight[c] * normed / (double)width;
    }
    for (size_t c = 0; c < width; c++) {
      const double normed = (x[t * width + c] - mean) * factor;
      dx[t * width + c] = factor * (dy[t * width + c] * weight[c] - (centred ? sum : 0) - normed * along);
    }
  }
}

void reference64_rope(double *x, size_t rows, size_t heads, size_t head_width, const int32_t *positions, double base,
                      double direction) {
  const size_t half = head_width / 2;
  for (size_t t = 0; t < rows; t++) {
    for (size_t h = 0; h < heads; h++) {
      double *head = x + (t * heads + h) * head_width;
      for (size_t e = 0; e < half; e++) {
        const double angle = direction * positions[t] * pow(base, -2.0 * (double)e / (double)head_width);
        const double a = head[e], b = head[e + half];
        head[e] = a * cos(angle) - b * sin(angle);
        head[e + half] = b * cos(angle) + a * sin(angle);
      }
    }
  }
}

void reference64_silu_multiply(const double *x, const double *gate, size_t count, double *y) {
  for (size_t i = 0; i < count; i++) y[i] = x[i] / (1 + exp(-x[i])) * gate[i];
}

void reference64_silu_multiply_backward(const double *x, const double *gate, size_t count, const double *dy, double *dx,
                                        double *dgate) {
  for (size_t i = 0; i < count; i++) {
    const double sigmoid = 1 / (1 + exp(-x[i]));
    dx[i] = dy[i] * gate[i] * (sigmoid + x[i] * sigmoid * (1 - sigmoid));
    dgate[i] = dy[i] * x[i] * sigmoid;
  }
}

void reference64_gelu(const double *x, size_t count, double *y) {
  for (size_t i = 0; i < count; i++) y[i] = 0.5 * x[i] * (1 + erf(x[i] / sqrt(2)));
}

void reference64_gelu_backward(const double *x, size_t count, const double *dy, double *dx) {
  for (size_t i = 0; i < count; i++) {
    const double density = exp(-0.5 * x[i] * x[i]) / sqrt(2 * 3.14159265358979323846);
    dx[i] = dy[i] * (0.5 * (1 + erf(x[i] / sqrt(2))) + x[i] * density);
  }
}

// The weights of one query's keys, which sum to 1.
static void weights_of(const double *query, const double *key, size_t kv_stride, size_t keys, size_t head_width,
                       double *weights) {
  double maximum = -INFINITY, sum = 0;
  for (size_t k = 0; k < keys; k++) {
    weights[k] = 0;
    for (size_t e = 0; e < head_width; e++) weights[k] += query[e] * key[k * kv_stride + e] / sqrt((double)head_width);
    maximum = fmax(maximum, weights[k]);
  }
  for (size_t k = 0; k < keys; k++) sum += weights[k] = exp(weights[k] - maximum);
  for (size_t k = 0; k < keys; k++) weights[k] /= sum;
}

typedef struct {
  size_t query, key;  // first elements
  size_t keys;
} query_place;

static query_place place_of(const illmrec_sequence *s, size_t index, size_t head, size_t heads, size_t kv_heads,
                            size_t head_width, int causal) {
  return (query_place){.query = ((s->query_start + index) * heads + head) * head_width,
                       .key = (s->key_start * kv_heads + head / (heads / kv_heads)) * head_width,
                       .keys = causal ? s->key_count - s->query_count + index + 1 : s->key_count};
}

void reference64_attention(const illmrec_sequence *sequences, size_t sequence_count, const double *query,
                           const double *key, const double *value, size_t heads, size_t kv_heads, size_t head_width,
                           int causal, double *out) {
  const size_t stride = kv_heads * head_width;
  for (size_t s = 0; s < sequence_count; s++) {
    double *weights = malloc(sequences[s].key_count * sizeof *weights);
    for (size_t i = 0; weights != NULL && i < sequences[s].query_count * heads; i++) {
      const query_place at = place_of(&sequences[s], i / heads, i % heads, heads, kv_heads, head_width, causal);
      weights_of(query + at.query, key + at.key, stride, at.keys, head_width, weights);
      for (size_t e = 0; e < head_width; e++) {
        out[at.query + e] = 0;
        for (size_t k = 0; k < at.keys; k++) out[at.query + e] += weights[k] * value[at.key + k * stride + e];
      }
    }
    free(weights);
  }
}

void reference64_attention_backward(const illmrec_sequence *sequences, size_t sequence_count, const double *query,
                                    const double *key, const double *value, size_t heads, size_t kv_heads,
                                    size_t head_width, int causal, const double *dout, double *dquery, double *dkey,
                                    double *dvalue) {
  const size_t stride = kv_heads * head_width;
  const double scale = 1 / sqrt((double)head_width);
  for (size_t s = 0; s < sequence_count; s++) {
    double *weights = malloc(2 * sequences[s].key_count * sizeof *weights);
    for (size_t i = 0; weights != NULL && i < sequences[s].query_count * heads; i++) {
      const query_place at = place_of(&sequences[s], i / heads, i % heads, heads, kv_heads, head_width, causal);
      double *dweights = weights + at.keys, mean = 0;
      weights_of(query + at.query, key + at.key, stride, at.keys, head_width, weights);
      for (size_t k = 0; k < at.keys; k++) {
        dweights[k] = 0;
        for (size_t e = 0; e < head_width; e++) dweights[k] += dout[at.query + e] * value[at.key + k * stride + e];
        mean += weights[k] * dweights[k];
      }
      for (size_t k = 0; k < at.keys; k++) {
        const double dscore = weights[k] * (dweights[k] - mean) * scale;
        for (size_t e = 0; e < head_width; e++) {
          dquery[at.query + e] += dscore * key[at.key + k * stride + e];
          dkey[at.key + k * stride + e] += dscore * query[at.query + e];
          dvalue[at.key + k * stride + e] += weights[k] * dout[at.query + e];
        }
      }
    }
    free(weights);
  }
}

double reference64_cross_entropy(const double *logits, size_t rows, size_t vocabulary, const int32_t *targets,
                                 double *dlogits) {
  double loss = 0;
  for (size_t t = 0; t < rows; t++) {
    const double *row = logits + t * vocabulary;
    double maximum = -INFINITY, sum = 0;
    for (size_t v = 0; v < vocabulary; v++) maximum = fmax(maximum, row[v]);
    for (size_t v = 0; v < vocabulary; v++) sum += exp(row[v] - maximum);
    loss += log(sum) + maximum - row[targets[t]];
    for (size_t v = 0; dlogits != NULL && v < vocabulary; v++) {
      dlogits[t * vocabulary + v] = exp(row[v] - maximum) / sum - (v == (size_t)targets[t] ? 1 : 0);
    }
  }
  return loss;
}

double reference64_bce_with_logits(const double *scores, size_t count, double label, double *dscores) {
  double loss = 0;
  for (size_t i = 0; i < count; i++) {
    loss += log(1 + exp(scores[i])) - label * scores[i];
    if (dscores != NULL) dscores[i] = 1 / (1 + exp(-scores[i])) - label;
  }
  return loss;
}
