// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "illmrec_cpu.h"

/// The hot loops of the models, in 32-bit floats.
///
/// Letters: T rows (tokens or patches), D width, F feed-forward width, H query heads, G key/value heads, E head width.
/// Matrices are row-major and dense unless a stride is given. Pointers need the alignment of their element only.
/// No function keeps a pointer after it returns. Sizes are the caller's to check: Kernels (Swift) does. What takes an
/// instruction set may only be given one that the machine runs.
/// Every function that takes a team may be called from any thread, one call per team at a time; NULL computes on the
/// calling thread alone.

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Team

/// Threads that share the work of one call. Calls of several threads on one team wait for each other.
typedef struct illmrec_team illmrec_team;

/// A team of `threads` including the thread that calls, so `threads - 1` are started. Returns NULL when memory or
/// threads are exhausted. Owned by the caller until `illmrec_team_destroy`.
illmrec_team *illmrec_team_create(size_t threads);

/// Stops and joins the team's threads. No call on it may be running. NULL is allowed.
void illmrec_team_destroy(illmrec_team *team);

/// The threads that work on a call: 1 for NULL.
size_t illmrec_team_size(const illmrec_team *team);

/// The CPUs this process may run on: its affinity mask, which containers and taskset narrow.
size_t illmrec_available_cpus(void);

/// Work on the elements [begin, end) of a range, as worker `worker` of [0, team size).
typedef void (*illmrec_work)(void *context, size_t begin, size_t end, size_t worker);

/// Calls `work` until every element of [0, count) was handed out once, in blocks of at most `block` elements, and
/// returns when all calls have. The calling thread works too.
void illmrec_team_run(illmrec_team *team, size_t count, size_t block, illmrec_work work, void *context);

// MARK: Matrix products

/// y[t, o] = sum over i of x[t, i] * weight[o, i], plus bias[o] unless `bias` is NULL, plus the former y[t, o] when
/// `accumulate` is not 0.
///
/// x: [rows, inner], rows `x_stride` apart. weight: [outer, inner]. y: [rows, outer], rows `y_stride` apart; may not
/// overlap the inputs. A row of y is the same to the last bit whatever rows are computed with it, and on any number of
/// threads.
/// Returns 0, or -1 when there is no memory for the packed rows.
int illmrec_linear(illmrec_team *team, illmrec_isa isa, const float *x, size_t rows, size_t inner, size_t x_stride,
                   const float *weight, size_t outer, const float *bias, int accumulate, float *y, size_t y_stride);

/// The name OpenBLAS, which computes gradients, gives the kernels it runs, such as "SkylakeX"; never NULL.
const char *illmrec_gemm_core(void);

// MARK: Attention

/// One sequence of a packed batch: its query rows and its key/value rows, counted from the first row of the batch.
typedef struct {
  size_t query_start;
  size_t query_count;
  size_t key_start;
  size_t key_count;
} illmrec_sequence;

/// Scaled dot-product attention, sequence by sequence, head by head:
/// out = softmax(scale * query · keyᵀ) · value. Query head h reads key/value head h / (heads / kv_heads).
///
/// When `causal` is not 0, the queries are the sequence's last positions: query q of a sequence sees its first
/// key_count - query_count + q + 1 keys.
/// query, out: rows of heads * head_width, `query_stride` and `out_stride` apart. key, value: rows of
/// kv_heads * head_width, `kv_stride` apart. `out` may not overlap the inputs. heads is a multiple of kv_heads; no
/// sequence has zero keys, or more queries than keys when causal.
/// A query's result does not depend, to the last bit, on the other queries and sequences of the call, on the threads, or
/// on which of a sequence's queries are computed.
/// Returns 0, or -1 when there is no memory.
int illmrec_attention(illmrec_team *team, illmrec_isa isa, const illmrec_sequence *sequences, size_t sequence_count,
                      const float *query, size_t query_stride, const float *key, const float *value, size_t kv_stride,
                      size_t heads, size_t kv_heads, size_t head_width, float scale, int causal, float *out,
                      size_t out_stride);

/// What bounds a causal attention beside the order of positions; zeros bound nothing.
typedef struct {
  /// Keys that a query sees: the last ones, its own included.
  size_t window;
  /// Scores become soft_cap * tanh(score / soft_cap), before any is hidden.
  float soft_cap;
} illmrec_attention_limits;

/// Attention in which every query sees all keys of its sequence, and the distance between the two counts:
/// out = softmax(scale * query · keyᵀ + bias) · value.
///
/// bias: [heads, 2 * reach + 1]; bias[h, reach + k - q] is added to the score of query position q and key position k. reach
/// is at least the longest sequence's keys less one. As many key/value heads as heads; the rest is as in
/// `illmrec_attention`.
int illmrec_attention_with_bias(illmrec_team *team, illmrec_isa isa, const illmrec_sequence *sequences,
                                size_t sequence_count, const float *query, size_t query_stride, const float *key,
                                const float *value, size_t kv_stride, size_t heads, size_t head_width, float scale,
                                const float *bias, size_t reach, float *out, size_t out_stride);

// MARK: Rows. A row whose squares overflow becomes NaN.

/// out[t, c] = x[t, c] / sqrt(mean(x[t, :]²) + epsilon) * weight[c]. `out` may be `x`.
void illmrec_rms_norm(illmrec_team *team, illmrec_isa isa, const float *x, size_t rows, size_t width,
                      const float *weight, float epsilon, float *out);

/// out[t, c] = (x[t, c] - mean(x[t, :])) / sqrt(variance(x[t, :]) + epsilon) * weight[c] + bias[c], with the
/// population variance. `out` may be `x`.
void illmrec_layer_norm(illmrec_team *team, illmrec_isa isa, const float *x, size_t rows, size_t width,
                        const float *weight, const float *bias, float epsilon, float *out);

/// Rotates the halves of each head by its row's position:
/// (a, b) -> (a cos - b sin, b cos + a sin) with a = x[e], b = x[e + head_width / 2], for e < head_width / 2.
///
/// x: rows of heads * head_width, `stride` apart, in place; head_width is even. positions: [rows]. cosine, sine:
/// [positions, head_width / 2].
void illmrec_rope(illmrec_team *team, illmrec_isa isa, float *x, size_t rows, size_t stride, size_t heads,
                  size_t head_width, const int32_t *positions, const float *cosine, const float *sine);

/// table[position, e] = cos and sin of (position / scaling) * frequencies[e], with the angles rounded to 32 bits as the
/// reference framework does. cosine, sine: [positions, count].
void illmrec_rope_table(size_t positions, const float *frequencies, size_t count, double scaling, float *cosine,
                        float *sine);

// MARK: Elements. Each works in place on `count` elements.

/// x = silu(x) * gate, with silu(v) = v / (1 + exp(-v)).
void illmrec_silu_multiply(illmrec_team *team, illmrec_isa isa, float *x, const float *gate, size_t count);

/// x = gelu_tanh(x) * gate.
void illmrec_gelu_tanh_multiply(illmrec_team *team, illmrec_isa isa, float *x, const float *gate, size_t count);

/// x = cap * tanh(x / cap).
void illmrec_soft_cap(illmrec_team *team, float *x, float cap, size_t count);

/// GELU by its tanh approximation: x = 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³))).
void illmrec_gelu_tanh(illmrec_team *team, illmrec_isa isa, float *x, size_t count);

/// GELU by a sigmoid: x = x / (1 + exp(-1.702 x)).
void illmrec_quick_gelu(illmrec_team *team, illmrec_isa isa, float *x, size_t count);

/// GELU: x = 0.5 x (1 + erf(x / sqrt(2))).
void illmrec_gelu(illmrec_team *team, float *x, size_t count);

/// x = max(x, 0).
void illmrec_relu(illmrec_team *team, float *x, size_t count);

/// x = x * factor.
void illmrec_scale(float *x, size_t count, float factor);

/// x[r, :] = x[r, :] + y[r % y_rows, :], for x: [rows, width], y: [y_rows, width].
void illmrec_add_rows(illmrec_team *team, float *x, size_t rows, size_t width, const float *y, size_t y_rows);

/// x[r, c] = x[r, c] + scale[c] * y[r, c], for x and y: [rows, width], scale: [width].
void illmrec_add_scaled_columns(illmrec_team *team, float *x, size_t rows, size_t width, const float *y,
                                const float *scale);

// MARK: Images

/// Cuts an image into non-overlapping square patches, one row each, in the layout of a convolution's weight:
/// out[(i * (width / patch) + j), (c * patch + y) * patch + x] = image[c, i * patch + y, j * patch + x].
/// Rows and columns beyond the last whole patch are left out, as a convolution without padding does.
void illmrec_patches(const float *image, size_t channels, size_t height, size_t width, size_t patch, float *out);

// MARK: Conversion

/// bfloat16 to float.
void illmrec_from_bf16(illmrec_team *team, const uint16_t *x, size_t count, float *out);

/// IEEE 754 binary16 to float.
void illmrec_from_f16(illmrec_team *team, const uint16_t *x, size_t count, float *out);

/// Formats of quantised weights as ggml stores them: blocks of elements that share scales, see quantized_blocks.c.
typedef enum {
  ILLMREC_BLOCKS_Q8_0 = 0,
  ILLMREC_BLOCKS_Q4_0 = 1,
  ILLMREC_BLOCKS_Q4_1 = 2,
  ILLMREC_BLOCKS_Q4_K = 3,
  ILLMREC_BLOCKS_Q6_K = 4,
} illmrec_block_format;

/// Quantised blocks to floats, the same to the bit as ggml's dequantize_row_*. x: at any address. out: as many elements as the blocks
/// have.
void illmrec_from_blocks(illmrec_team *team, illmrec_block_format format, const void *x, size_t blocks, float *out);

/// Index of the first NaN or infinity, or `count`.
size_t illmrec_first_not_finite(illmrec_team *team, const float *x, size_t count);

#ifdef __cplusplus
}
#endif
