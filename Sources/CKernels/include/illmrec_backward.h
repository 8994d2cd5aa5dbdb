// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "illmrec_kernels.h"

/// Gradients of the kernels, in 32-bit floats. What is said in illmrec_kernels.h about letters, layout, pointers and teams
/// holds here.
///
/// `dy` stands for the gradient of a scalar loss by a kernel's output y. Gradients by inputs (`dx`) overwrite what was there,
/// or are added to it where there is an `accumulate`; gradients by weights are always added to what was there.
/// Results do not depend on the number of threads, except where OpenBLAS divides a product's rows differently.

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Matrix products

/// dx[t, i] = sum over o of dy[t, o] * weight[o, i], plus the former dx[t, i] when `accumulate` is not 0.
///
/// dy: [rows, outer], rows `dy_stride` apart. weight: [outer, inner]. dx: [rows, inner], rows `dx_stride` apart; may not
/// overlap the inputs.
void illmrec_linear_backward_input(illmrec_team *team, const float *dy, size_t rows, size_t outer, size_t dy_stride,
                                   const float *weight, size_t inner, int accumulate, float *dx, size_t dx_stride);

/// dweight[o, i] += sum over t of dy[t, o] * x[t, i], and dbias[o] += sum over t of dy[t, o] unless `dbias` is NULL.
///
/// dy: [rows, outer], rows `dy_stride` apart. x: [rows, inner], rows `x_stride` apart. dweight: [outer, inner].
void illmrec_linear_backward_weight(illmrec_team *team, const float *dy, size_t rows, size_t outer, size_t dy_stride,
                                    const float *x, size_t inner, size_t x_stride, float *dweight, float *dbias);

// MARK: Attention

/// As `illmrec_attention` within `limits`, and writes log_sums[t, h] = log(sum over k of exp(score of query[t, h] and key[k])),
/// over the keys that the query sees: [query rows, heads]. With it, the weight of one key needs no others. NULL leaves them
/// out.
int illmrec_attention_with_log_sums(illmrec_team *team, illmrec_isa isa, const illmrec_sequence *sequences,
                                    size_t sequence_count, const float *query, size_t query_stride, const float *key,
                                    const float *value, size_t kv_stride, size_t heads, size_t kv_heads,
                                    size_t head_width, float scale, int causal, illmrec_attention_limits limits,
                                    float *out, size_t out_stride, float *log_sums);

/// What `illmrec_attention_backward` reads and writes. Rows of queries lie `query_stride` apart in query, out, dout and
/// dquery; rows of keys and values `kv_stride` apart in key, value, dkey and dvalue.
typedef struct {
  const illmrec_sequence *sequences;
  size_t sequence_count;
  const float *query, *key, *value;
  /// What the forward pass wrote.
  const float *out, *log_sums;
  const float *dout;
  size_t query_stride, kv_stride;
  size_t heads, kv_heads, head_width;
  float scale;
  int causal;
  illmrec_attention_limits limits;
  /// Overwritten in the rows of the sequences' queries and keys.
  float *dquery, *dkey, *dvalue;
} illmrec_attention_gradient;

/// Gradients of `illmrec_attention` by queries, keys and values. No two sequences may share keys. Scores are recomputed tile
/// by tile, so memory does not grow with the length.
/// Returns 0, or -1 when there is no memory.
int illmrec_attention_backward(illmrec_team *team, illmrec_isa isa, const illmrec_attention_gradient *gradient);

// MARK: Rows

/// y = rms_norm(x): with r = 1 / sqrt(mean(x[t, :]²) + epsilon) and g = weight * dy,
/// dx[t, c] = r (g[c] - x[t, c] r² mean(g x)), added to the former dx when `accumulate` is not 0; `dx` may be `dy`.
/// dweight[c] += sum over t of dy[t, c] x[t, c] r, unless `dweight` is NULL.
/// Returns 0, or -1 when there is no memory.
int illmrec_rms_norm_backward(illmrec_team *team, const float *x, size_t rows, size_t width, const float *weight,
                              float epsilon, const float *dy, int accumulate, float *dx, float *dweight);

/// y = layer_norm(x): with n = (x - mean) r, r = 1 / sqrt(variance + epsilon) and g = weight * dy,
/// dx[t, c] = r (g[c] - mean(g) - n[c] mean(g n)); `dx` may be `dy`.
/// dweight[c] += sum over t of dy[t, c] n[t, c] and dbias[c] += sum over t of dy[t, c].
/// Returns 0, or -1 when there is no memory.
int illmrec_layer_norm_backward(illmrec_team *team, const float *x, size_t rows, size_t width, const float *weight,
                                float epsilon, const float *dy, float *dx, float *dweight, float *dbias);

/// The inverse rotation of `illmrec_rope`, which is also its gradient: in place.
void illmrec_rope_backward(illmrec_team *team, illmrec_isa isa, float *dx, size_t rows, size_t stride, size_t heads,
                           size_t head_width, const int32_t *positions, const float *cosine, const float *sine);

/// dtable[indices[r], :] += dy[r, :], row by row in order. dy: [count, width]; dtable: [_, width].
void illmrec_scatter_add_rows(illmrec_team *team, const float *dy, const int32_t *indices, size_t count, size_t width,
                              float *dtable);

// MARK: Elements

/// y = silu(x) * gate: replaces x by dx and gate by dgate.
/// dx = dy gate s (1 + x (1 - s)) and dgate = dy x s, with s = 1 / (1 + exp(-x)).
void illmrec_silu_multiply_backward(illmrec_team *team, illmrec_isa isa, float *x, float *gate, const float *dy,
                                    size_t count);

/// y = gelu_tanh(x) * gate: replaces x by dx and gate by dgate.
/// With u = sqrt(2 / pi) (x + 0.044715 x³), s = 1 / (1 + exp(-2 u)): dx = dy gate (s + x s (1 - s) 2 du/dx), dgate = dy x s.
void illmrec_gelu_tanh_multiply_backward(illmrec_team *team, illmrec_isa isa, float *x, float *gate, const float *dy,
                                         size_t count);

/// y = cap tanh(x / cap): replaces dy by dx = dy (1 - (y / cap)²).
void illmrec_soft_cap_backward(illmrec_team *team, const float *y, float cap, float *dy, size_t count);

/// y = gelu(x), by erf: replaces dy by dx = dy (Φ(x) + x φ(x)).
void illmrec_gelu_backward(illmrec_team *team, const float *x, float *dy, size_t count);

/// y = relu(x): replaces dy by dx, which is zero where y is.
void illmrec_relu_backward(illmrec_team *team, const float *y, float *dy, size_t count);

// MARK: Losses

/// Cross entropy of a softmax over each row and `zeros` more logits, all 0, that stand for classes nobody names:
/// losses[t] = log(zeros + sum over v of exp(logits[t, v])) - logits[t, targets[t]], in nats.
/// Replaces logits by its gradient by them, times `scale`: scale * (softmax(logits[t, :])[v] - (v is targets[t] ? 1 : 0)).
///
/// logits: [rows, vocabulary]. targets: [rows], below the vocabulary. losses: [rows].
void illmrec_cross_entropy(illmrec_team *team, illmrec_isa isa, float *logits, size_t rows, size_t vocabulary,
                           size_t zeros, const int32_t *targets, float scale, float *losses);

/// Binary cross entropy of the logistic function: the sum over i of log(1 + exp(scores[i])) - label * scores[i], in nats.
/// Writes dscores[i] = scale * (1 / (1 + exp(-scores[i])) - label).
double illmrec_bce_with_logits(const float *scores, size_t count, float label, float scale, float *dscores);

/// Binary cross entropy of each row's scores, of which one is to be high and the others low, each score counting its weight:
/// losses[t] = sum over i of weights[t, i] * (log(1 + exp(scores[t, i])) - (i is targets[t] ? scores[t, i] : 0)), in nats.
/// Replaces scores by its gradient by them. A score of weight 0 counts nothing, whatever it is.
///
/// scores, weights: [rows, width]. targets: [rows], below the width. losses: [rows].
void illmrec_weighted_bce(float *scores, const float *weights, size_t rows, size_t width, const int32_t *targets,
                          double *losses);

#ifdef __cplusplus
}
#endif
