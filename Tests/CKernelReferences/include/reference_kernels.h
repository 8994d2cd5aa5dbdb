// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "illmrec_kernels.h"

/// The definitions of the kernels, one element at a time in double precision: what the fast ones are tested against.

#ifdef __cplusplus
extern "C" {
#endif

void reference_linear(const float *x, size_t rows, size_t inner, size_t x_stride, const float *weight, size_t outer,
                      const float *bias, int accumulate, float *y, size_t y_stride);
void reference_attention(const illmrec_sequence *sequences, size_t sequence_count, const float *query,
                         size_t query_stride, const float *key, const float *value, size_t kv_stride, size_t heads,
                         size_t kv_heads, size_t head_width, float scale, int causal, float *out, size_t out_stride);
/// All arguments as in illmrec_attention_with_bias.
void reference_attention_with_bias(const illmrec_sequence *sequences, size_t sequence_count, const float *query,
                                   size_t query_stride, const float *key, const float *value, size_t kv_stride,
                                   size_t heads, size_t head_width, float scale, const float *bias, size_t reach,
                                   float *out, size_t out_stride);
void reference_rms_norm(const float *x, size_t rows, size_t width, const float *weight, float epsilon, float *out);
void reference_layer_norm(const float *x, size_t rows, size_t width, const float *weight, const float *bias,
                          float epsilon, float *out);
void reference_rope(float *x, size_t rows, size_t heads, size_t head_width, const int32_t *positions, double base,
                    double scaling);
void reference_silu_multiply(float *x, const float *gate, size_t count);
void reference_gelu_tanh(float *x, size_t count);
void reference_gelu(float *x, size_t count);
void reference_quick_gelu(float *x, size_t count);
void reference_patches(const float *image, size_t channels, size_t height, size_t width, size_t patch, float *out);
float reference_from_f16(uint16_t x);

#ifdef __cplusplus
}
#endif
