// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "illmrec_kernels.h"

/// The definitions of the kernels that training differentiates, and of their gradients, in double precision and one element
/// at a time. The forward ones are what finite differences are taken of.
///
/// Gradients by inputs are overwritten, those by weights added to. Rows are dense.

#ifdef __cplusplus
extern "C" {
#endif

void reference64_linear(const double *x, size_t rows, size_t inner, const double *weight, size_t outer,
                        const double *bias, double *y);
void reference64_linear_backward(const double *x, size_t rows, size_t inner, const double *weight, size_t outer,
                                 const double *dy, double *dx, double *dweight, double *dbias);

/// Layer normalisation when `centred` is not 0, root-mean-square normalisation (without a bias) when it is.
void reference64_norm(const double *x, size_t rows, size_t width, const double *weight, const double *bias,
                      double epsilon, int centred, double *y);
void reference64_norm_backward(const double *x, size_t rows, size_t width, const double *weight, double epsilon,
                               int centred, const double *dy, double *dx, double *dweight, double *dbias);

/// By the angles when `direction` is 1, by their opposites when it is -1. In place.
void reference64_rope(double *x, size_t rows, size_t heads, size_t head_width, const int32_t *positions, double base,
                      double direction);

void reference64_silu_multiply(const double *x, const double *gate, size_t count, double *y);
void reference64_silu_multiply_backward(const double *x, const double *gate, size_t count, const double *dy, double *dx,
                                        double *dgate);
void reference64_gelu(const double *x, size_t count, double *y);
void reference64_gelu_backward(const double *x, size_t count, const double *dy, double *dx);

/// Query rows: [_, heads, head_width]; key and value rows: [_, kv_heads, head_width].
void reference64_attention(const illmrec_sequence *sequences, size_t sequence_count, const double *query,
                           const double *key, const double *value, size_t heads, size_t kv_heads, size_t head_width,
                           int causal, double *out);
/// dquery, dkey and dvalue are added to.
void reference64_attention_backward(const illmrec_sequence *sequences, size_t sequence_count, const double *query,
                                    const double *key, const double *value, size_t heads, size_t kv_heads,
                                    size_t head_width, int causal, const double *dout, double *dquery, double *dkey,
                                    double *dvalue);

/// The sum of the rows' losses; `dlogits` unless NULL.
double reference64_cross_entropy(const double *logits, size_t rows, size_t vocabulary, const int32_t *targets,
                                 double *dlogits);
double reference64_bce_with_logits(const double *scores, size_t count, double label, double *dscores);

#ifdef __cplusplus
}
#endif
