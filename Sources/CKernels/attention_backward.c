// SPDX-License-Identifier: Apache-2.0

#include <math.h>
#include <string.h>

#include "gemm.h"
#include "illmrec_backward.h"
#include "illmrec_cpu.h"
#include "rows.h"
#include "team.h"

// Per tile of queries and keys: weights and their gradients are made once, and five products of matrices use them.

enum {
  QUERIES_PER_TILE = 64,
  KEYS_PER_TILE = 128,
  TILE = QUERIES_PER_TILE * KEYS_PER_TILE,
  FLOATS_PER_WORKER = 2 * TILE + QUERIES_PER_TILE,
};

typedef struct {
  const illmrec_attention_gradient *g;
  const row_kernels *kernels;
  float *scratch;  // FLOATS_PER_WORKER for each worker
} attention_backward;

/// Queries of one head, and where their values begin.
typedef struct {
  const float *query, *dout;
  float *dquery;
  const float *log_sums;  // one every `heads`
  const float *means;     // [count]
  size_t count;
  // Keys that the first one sees; each later one sees one more when causal.
  size_t visible;
} query_tile;

// The first element of a query row in one head, and of a key row in a key/value head.
static size_t query_offset(const illmrec_attention_gradient *g, size_t row, size_t head) {
  return row * g->query_stride + head * g->head_width;
}
static size_t key_offset(const illmrec_attention_gradient *g, size_t row, size_t kv_head) {
  return row * g->kv_stride + kv_head * g->head_width;
}

DISPATCHED static void means_of_rows(const float *dout, const float *out, size_t stride, size_t count, size_t width,
                                     float *means) {
#pragma clang fp reassociate(on) contract(fast)
  for (size_t q = 0; q < count; q++) {
    float sum = 0;
    for (size_t e = 0; e < width; e++) sum += dout[q * stride + e] * out[q * stride + e];
    means[q] = sum;
  }
}

// Of a tile's `seen` keys from `first_key` on, those before the window of a query that sees keys up to `visible`.
static size_t keys_before_window(const illmrec_attention_gradient *g, size_t visible, size_t first_key, size_t seen) {
  if (g->limits.window == 0 || visible <= first_key + g->limits.window) return 0;
  const size_t before = visible - first_key - g->limits.window;
  return before < seen ? before : seen;
}

// As softmax_backward, for scores that a soft cap has bounded: [count], below KEYS_PER_TILE.
static void softmax_backward_capped(const attention_backward *a, float *scores, float *dweights, size_t count,
                                    float log_sum, float mean) {
  const float cap = a->g->limits.soft_cap, scale = a->g->scale;
  float slopes[KEYS_PER_TILE];
  for (size_t k = 0; k < count; k++) {
    const float bounded = tanhf(scores[k] * scale / cap);
    scores[k] = cap * bounded;
    slopes[k] = scale * (1 - bounded * bounded);
  }
  a->kernels->softmax_backward(scores, dweights, count, 1, log_sum, mean);
  for (size_t k = 0; k < count; k++) dweights[k] *= slopes[k];
}

// Scores to weights and gradients by weights to gradients by scores; zero where a query does not see a key.
static void weigh(const attention_backward *a, const query_tile *tile, size_t first_key, size_t keys, float *scores,
                  float *dweights) {
  const illmrec_attention_gradient *g = a->g;
  for (size_t q = 0; q < tile->count; q++) {
    const size_t visible = tile->visible + (g->causal ? q : 0);
    const size_t seen = visible <= first_key ? 0 : visible - first_key < keys ? visible - first_key : keys;
    const size_t hidden = keys_before_window(g, visible, first_key, seen);
    float *score = scores + q * KEYS_PER_TILE, *dweight = dweights + q * KEYS_PER_TILE;
    const float log_sum = tile->log_sums[q * g->heads], mean = tile->means[q];
    if (g->limits.soft_cap > 0) {
      softmax_backward_capped(a, score + hidden, dweight + hidden, seen - hidden, log_sum, mean);
    } else {
      a->kernels->softmax_backward(score + hidden, dweight + hidden, seen - hidden, g->scale, log_sum, mean);
    }
    memset(score, 0, hidden * sizeof *score);
    memset(dweight, 0, hidden * sizeof *dweight);
    memset(score + seen, 0, (keys - seen) * sizeof *score);
    memset(dweight + seen, 0, (keys - seen) * sizeof *dweight);
  }
}

static void attend_tile(const attention_backward *a, const query_tile *tile, size_t first_key, size_t keys,
                        size_t key_at, float *scores, float *dweights) {
  const illmrec_attention_gradient *g = a->g;
  const size_t width = g->head_width, queries = tile->count, row = g->query_stride, kv = g->kv_stride;
  gemm_on_this_thread(queries, keys, width, tile->query, row, GEMM_PLAIN, g->key + key_at, kv, GEMM_TRANSPOSED, 0,
                      scores, KEYS_PER_TILE);
  gemm_on_this_thread(queries, keys, width, tile->dout, row, GEMM_PLAIN, g->value + key_at, kv, GEMM_TRANSPOSED, 0,
                      dweights, KEYS_PER_TILE);
  weigh(a, tile, first_key, keys, scores, dweights);
  gemm_on_this_thread(keys, width, queries, scores, KEYS_PER_TILE, GEMM_TRANSPOSED, tile->dout, row, GEMM_PLAIN, 1,
                      g->dvalue + key_at, kv);
  gemm_on_this_thread(keys, width, queries, dweights, KEYS_PER_TILE, GEMM_TRANSPOSED, tile->query, row, GEMM_PLAIN, 1,
                      g->dkey + key_at, kv);
  gemm_on_this_thread(queries, width, keys, dweights, KEYS_PER_TILE, GEMM_PLAIN, g->key + key_at, kv, GEMM_PLAIN,
                      first_key > 0, tile->dquery, row);
}

static void attend_head(const attention_backward *a, const illmrec_sequence *sequence, size_t head, float *scratch) {
  const illmrec_attention_gradient *g = a->g;
  float *scores = scratch, *dweights = scores + TILE, *means = dweights + TILE;
  const size_t kv_head = head / (g->heads / g->kv_heads), earlier = sequence->key_count - sequence->query_count;
  for (size_t q = 0; q < sequence->query_count; q += QUERIES_PER_TILE) {
    const size_t left = sequence->query_count - q, count = left < QUERIES_PER_TILE ? left : QUERIES_PER_TILE;
    const size_t row = sequence->query_start + q, at = query_offset(g, row, head);
    means_of_rows(g->dout + at, g->out + at, g->query_stride, count, g->head_width, means);
    const query_tile tile = {.query = g->query + at,
                             .dout = g->dout + at,
                             .dquery = g->dquery + at,
                             .log_sums = g->log_sums + row * g->heads + head,
                             .means = means,
                             .count = count,
                             .visible = g->causal ? earlier + q + 1 : sequence->key_count};
    const size_t seen = g->causal ? tile.visible + count - 1 : sequence->key_count;
    for (size_t k = 0; k < seen; k += KEYS_PER_TILE) {
      attend_tile(a, &tile, k, seen - k < KEYS_PER_TILE ? seen - k : KEYS_PER_TILE,
                  key_offset(g, sequence->key_start + k, kv_head), scores, dweights);
    }
  }
}

// One unit is a key/value head of a sequence: its heads add to the same rows, in one order.
static void attend_units(void *context, size_t begin, size_t end, size_t worker) {
  const attention_backward *a = context;
  const illmrec_attention_gradient *g = a->g;
  const size_t group = g->heads / g->kv_heads;
  for (size_t unit = begin; unit < end; unit++) {
    const illmrec_sequence *sequence = &g->sequences[unit / g->kv_heads];
    const size_t kv_head = unit % g->kv_heads;
    for (size_t k = 0; k < sequence->key_count; k++) {
      const size_t at = key_offset(g, sequence->key_start + k, kv_head);
      memset(g->dkey + at, 0, g->head_width * sizeof(float));
      memset(g->dvalue + at, 0, g->head_width * sizeof(float));
    }
    for (size_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
      attend_head(a, sequence, head, a->scratch + worker * FLOATS_PER_WORKER);
    }
  }
}

int illmrec_attention_backward(illmrec_team *team, illmrec_isa isa, const illmrec_attention_gradient *gradient) {
  team_scratch scratch;
  if (!borrow_scratch(team, illmrec_team_size(team) * FLOATS_PER_WORKER * sizeof(float), &scratch)) return -1;
  attention_backward a = {gradient, row_kernels_for(isa), scratch.memory};
  illmrec_team_run(team, gradient->sequence_count * gradient->kv_heads, 1, attend_units, &a);
  return_scratch(team, scratch);
  return 0;
}
