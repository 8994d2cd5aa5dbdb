#include <stdlib.h>

#include "dispatch.h"
#include "exponential.h"
#include "gemm.h"
#include "illmrec_kernels.h"

// Queries whose scores are computed together. More queries share the packing of the keys, fewer keep their scores
// (queries * keys floats) in the second-level cache.
enum { QUERIES_PER_BLOCK = 128 };

typedef struct {
  const illmrec_sequence *sequences;
  size_t sequence_count;
  const float *query;
  size_t query_stride;
  const float *key, *value;
  size_t kv_stride;
  size_t heads, kv_heads, head_width;
  float scale;
  int causal;
  float *out;
  size_t out_stride;
  float *scores;  // for each worker: scores_per_worker
  size_t scores_per_worker;
} attention;

static size_t blocks_of(const illmrec_sequence *sequence) {
  return (sequence->query_count + QUERIES_PER_BLOCK - 1) / QUERIES_PER_BLOCK;
}

enum { LANES = 16 };

// In lanes, because a plain loop over a maximum does not vectorise: it would have to keep NaN's odd order.
INLINED float maximum_of(const float *scores, size_t count) {
  float lanes[LANES];
  for (size_t l = 0; l < LANES; l++) lanes[l] = scores[l < count ? l : 0];
  size_t whole = count / LANES * LANES;
  for (size_t i = 0; i < whole; i += LANES) {
    for (size_t l = 0; l < LANES; l++) lanes[l] = scores[i + l] > lanes[l] ? scores[i + l] : lanes[l];
  }
  float maximum = lanes[0];
  for (size_t l = 1; l < LANES; l++) maximum = lanes[l] > maximum ? lanes[l] : maximum;
  for (size_t i = whole; i < count; i++) maximum = scores[i] > maximum ? scores[i] : maximum;
  return maximum;
}

// Replaces the first `count` scores by softmax(scale * scores) and the rest, up to `width`, by zero.
DISPATCHED static void softmax(float *restrict scores, size_t count, size_t width, float scale) {
#pragma clang fp reassociate(on)
  float maximum = maximum_of(scores, count);
  float sum = 0;
  for (size_t i = 0; i < count; i++) {
    float e = exponential((scores[i] - maximum) * scale);
    scores[i] = e;
    sum += e;
  }
  float factor = 1.0f / sum;
  for (size_t i = 0; i < count; i++) scores[i] *= factor;
  for (size_t i = count; i < width; i++) scores[i] = 0;
}

static void attend(const attention *a, const illmrec_sequence *sequence, size_t head, size_t block, float *scores) {
  size_t first = block * QUERIES_PER_BLOCK;
  size_t queries = sequence->query_count - first < QUERIES_PER_BLOCK ? sequence->query_count - first : QUERIES_PER_BLOCK;
  size_t earlier = sequence->key_count - sequence->query_count;
  size_t keys = a->causal ? earlier + first + queries : sequence->key_count;
  size_t row = sequence->query_start + first;
  size_t kv_head = head / (a->heads / a->kv_heads);
  const float *query = a->query + row * a->query_stride + head * a->head_width;
  const float *key = a->key + sequence->key_start * a->kv_stride + kv_head * a->head_width;
  const float *value = a->value + sequence->key_start * a->kv_stride + kv_head * a->head_width;
  float *out = a->out + row * a->out_stride + head * a->head_width;

  gemm_on_this_thread(queries, keys, a->head_width, query, a->query_stride, key, a->kv_stride, 1, 0, scores, keys);
  for (size_t q = 0; q < queries; q++) {
    softmax(scores + q * keys, a->causal ? earlier + first + q + 1 : keys, keys, a->scale);
  }
  gemm_on_this_thread(queries, a->head_width, keys, scores, keys, value, a->kv_stride, 0, 0, out, a->out_stride);
}

// The range counts the blocks of all heads of all sequences: sequence by sequence, head by head.
static void attend_range(void *context, size_t begin, size_t end, size_t worker) {
  const attention *a = context;
  float *scores = a->scores + worker * a->scores_per_worker;
  size_t before = 0;
  for (size_t s = 0; s < a->sequence_count && begin < end; s++) {
    size_t blocks = blocks_of(&a->sequences[s]);
    for (; begin < end && begin - before < blocks * a->heads; begin++) {
      attend(a, &a->sequences[s], (begin - before) / blocks, (begin - before) % blocks, scores);
    }
    before += blocks * a->heads;
  }
}

int illmrec_attention(illmrec_team *team, const illmrec_sequence *sequences, size_t sequence_count, const float *query,
                      size_t query_stride, const float *key, const float *value, size_t kv_stride, size_t heads,
                      size_t kv_heads, size_t head_width, float scale, int causal, float *out, size_t out_stride) {
  attention a = {sequences, sequence_count, query, query_stride, key, value, kv_stride, heads,
                 kv_heads,  head_width,     scale, causal,       out, out_stride, NULL,  0};
  size_t blocks = 0, most_scores = 0;
  for (size_t s = 0; s < sequence_count; s++) {
    size_t queries = sequences[s].query_count < QUERIES_PER_BLOCK ? sequences[s].query_count : QUERIES_PER_BLOCK;
    size_t scores = queries * sequences[s].key_count;
    most_scores = scores > most_scores ? scores : most_scores;
    blocks += blocks_of(&sequences[s]) * heads;
  }
  if (blocks == 0) return 0;
  a.scores_per_worker = most_scores;
  a.scores = aligned_alloc(64, (illmrec_team_size(team) * most_scores * sizeof(float) + 63) / 64 * 64);
  if (a.scores == NULL) return -1;
  illmrec_team_run(team, blocks, 1, attend_range, &a);
  free(a.scores);
  return 0;
}
