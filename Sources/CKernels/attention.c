// SPDX-License-Identifier: Apache-2.0

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "illmrec_backward.h"
#include "illmrec_cpu.h"
#include "illmrec_kernels.h"

enum {
  // Vectors of queries that are multiplied with a key at a time.
  VECTORS = 3,
  COLUMNS_MAX = VECTORS * 16,
  // Keys whose scores are computed before their values are mixed: the scores stay in the first-level cache.
  KEYS_PER_TILE = 64,
  // Blocks of queries that pass over a tile of keys together, so that keys and values are read from far once for all.
  BLOCKS_PER_UNIT = 4,
  FLOATS_PER_CACHE_LINE = 16,
};

typedef struct attention_kernel attention_kernel;

typedef struct {
  const attention_kernel *kernel;
  const illmrec_sequence *sequences;
  size_t sequence_count;
  const float *query;
  size_t query_stride;
  const float *key, *value;
  size_t kv_stride;
  size_t heads, kv_heads, head_width;
  float scale;
  int causal;
  size_t window;   // keys that a query sees, or 0 for all
  float soft_cap;  // of scores as exponents of two, or 0
  float *out;
  size_t out_stride;
  float *log_sums;  // [query rows, heads], or NULL
  // For each head: what a score gains by the query's position less the key's, from -reach on; or NULL.
  const float *bias;
  size_t bias_stride;
  size_t reach;
  size_t blocks_per_unit;
  float *scratch;  // for each worker: floats_of_scratch
} attention;

/// The queries of one block: all heads of a group that share their keys, one query after the other.
typedef struct {
  size_t first;       // column, counted from the sequence's first
  size_t columns;     // in use
  float *query;       // [head_width, columns], scaled
  float *mixed;       // [head_width, columns]: the values' weighted sum so far
  float *maxima;      // [columns]
  float *sums;        // [columns]
  int32_t *visible;   // [columns]: keys that a column may see
  const float *bias;  // a score's by its column less its key, or NULL
} column_block;

struct attention_kernel {
  void (*attend)(const attention *, const column_block *, size_t first_key, size_t keys, const float *key,
                 const float *value, float *scores);
  void (*pack)(const float *const *rows, size_t columns, size_t width, float factor, float *query);
  void (*unpack)(const float *mixed, const float *sums, size_t columns, size_t width, float *const *rows);
  size_t columns;  // of a block
};

#define KERNEL(name) name##_portable
#define KERNEL_TARGET TARGET_PORTABLE
#define KERNEL_LANES 4
#define KERNEL_ROWS 3
#define KERNEL_LOW 0, 4, 1, 5
#define KERNEL_HIGH 2, 6, 3, 7
#include "attention_kernel.h"

#if defined(__x86_64__)
#define KERNEL(name) name##_avx2
#define KERNEL_TARGET TARGET_AVX2
#define KERNEL_LANES 8
#define KERNEL_ROWS 4
#define KERNEL_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define KERNEL_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#include "attention_kernel.h"

#define KERNEL(name) name##_avx512
#define KERNEL_TARGET TARGET_AVX512
#define KERNEL_LANES 16
#define KERNEL_ROWS 8
#define KERNEL_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define KERNEL_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#include "attention_kernel.h"
#endif

static const attention_kernel *kernel_for(illmrec_isa isa) {
  static const illmrec_variant variants[] = {
#if defined(__x86_64__)
    {ILLMREC_CPU_AVX512, &attention_kernel_avx512},
    {ILLMREC_CPU_AVX2, &attention_kernel_avx2},
#endif
    {ILLMREC_CPU_PORTABLE, &attention_kernel_portable},
  };
  return illmrec_choose(variants, isa);
}

// MARK: One unit of work: some blocks of one sequence's queries, of the heads that share one key/value head

static size_t group_of(const attention *a) { return a->heads / a->kv_heads; }

static size_t floats_of_block(const attention *a) { return (2 * a->head_width + 3) * a->kernel->columns; }

static size_t floats_of_scratch(const attention *a) {
  return a->blocks_per_unit * floats_of_block(a) + KEYS_PER_TILE * a->kernel->columns;
}

// The first element of column `column` in a matrix of query rows.
static size_t column_offset(const attention *a, const illmrec_sequence *sequence, size_t kv_head, size_t column,
                            size_t stride) {
  size_t group = group_of(a);
  return (sequence->query_start + column / group) * stride + (kv_head * group + column % group) * a->head_width;
}

static void begin_block(const attention *a, const illmrec_sequence *sequence, size_t kv_head, size_t first,
                        float *scratch, column_block *block) {
  const size_t width = a->kernel->columns, group = group_of(a);
  const size_t left = sequence->query_count * group - first;
  const size_t earlier = sequence->key_count - sequence->query_count;
  *block = (column_block){.first = first, .columns = left < width ? left : width, .query = scratch};
  block->mixed = block->query + a->head_width * width;
  block->maxima = block->mixed + a->head_width * width;
  block->sums = block->maxima + width;
  block->visible = (int32_t *)(block->sums + width);
  if (a->bias != NULL) block->bias = a->bias + kv_head * a->bias_stride + a->reach + earlier + first;
  const float *rows[COLUMNS_MAX];
  for (size_t c = 0; c < width; c++) {
    const size_t column = first + (c < block->columns ? c : block->columns - 1);
    rows[c] = a->query + column_offset(a, sequence, kv_head, column, a->query_stride);
    block->visible[c] = (int32_t)(a->causal ? earlier + column / group + 1 : sequence->key_count);
    block->maxima[c] = -INFINITY;
    block->sums[c] = 0;
  }
  // Powers of two take the place of those of e.
  a->kernel->pack(rows, block->columns, a->head_width, a->scale * 1.44269504f, block->query);
  memset(block->mixed, 0, a->head_width * width * sizeof(float));
}

// Natural logarithms; a block's maxima are exponents of two.
static void write_log_sums(const attention *a, const illmrec_sequence *sequence, size_t kv_head,
                           const column_block *block) {
  const size_t group = group_of(a);
  for (size_t c = 0; c < block->columns; c++) {
    const size_t column = block->first + c, row = sequence->query_start + column / group;
    a->log_sums[row * a->heads + kv_head * group + column % group] =
        (block->maxima[c] + log2f(block->sums[c])) * 0.69314718f;
  }
}

static void end_block(const attention *a, const illmrec_sequence *sequence, size_t kv_head, const column_block *block) {
  float *rows[COLUMNS_MAX];
  for (size_t c = 0; c < block->columns; c++) {
    rows[c] = a->out + column_offset(a, sequence, kv_head, block->first + c, a->out_stride);
  }
  a->kernel->unpack(block->mixed, block->sums, block->columns, a->head_width, rows);
  if (a->log_sums != NULL) write_log_sums(a, sequence, kv_head, block);
}

static size_t keys_seen(const column_block *block) { return (size_t)block->visible[block->columns - 1]; }

// Keys before it are out of the window of every column. Tiles begin at multiples of their size whatever is left out, so that
// a query's sums have one order.
static size_t first_key_seen(const attention *a, const column_block *block) {
  const size_t visible = (size_t)block->visible[0];
  return a->window > 0 && visible > a->window ? (visible - a->window) / KEYS_PER_TILE * KEYS_PER_TILE : 0;
}

static void attend_unit(const attention *a, const illmrec_sequence *sequence, size_t kv_head, size_t unit,
                        float *scratch) {
  column_block blocks[BLOCKS_PER_UNIT];
  const size_t all = sequence->query_count * group_of(a);
  size_t count = 0;
  for (size_t first = unit * a->blocks_per_unit * a->kernel->columns; count < a->blocks_per_unit && first < all;
       first += a->kernel->columns, count++) {
    begin_block(a, sequence, kv_head, first, scratch + count * floats_of_block(a), &blocks[count]);
  }
  float *scores = scratch + a->blocks_per_unit * floats_of_block(a);
  const size_t keys = keys_seen(&blocks[count - 1]);
  for (size_t k = first_key_seen(a, &blocks[0]); k < keys; k += KEYS_PER_TILE) {
    const size_t offset = (sequence->key_start + k) * a->kv_stride + kv_head * a->head_width;
    for (size_t b = 0; b < count; b++) {
      const size_t seen = keys_seen(&blocks[b]);
      if (seen <= k || k < first_key_seen(a, &blocks[b])) continue;
      a->kernel->attend(a, &blocks[b], k, seen - k < KEYS_PER_TILE ? seen - k : KEYS_PER_TILE, a->key + offset,
                        a->value + offset, scores);
    }
  }
  for (size_t b = 0; b < count; b++) end_block(a, sequence, kv_head, &blocks[b]);
}

// MARK: All units

static size_t units_of(const attention *a, const illmrec_sequence *sequence) {
  const size_t columns = a->blocks_per_unit * a->kernel->columns;
  return (sequence->query_count * group_of(a) + columns - 1) / columns;
}

static size_t all_units(const attention *a) {
  size_t units = 0;
  for (size_t s = 0; s < a->sequence_count; s++) units += units_of(a, &a->sequences[s]) * a->kv_heads;
  return units;
}

// The range counts the units of all sequences, head by head, a causal sequence's late and long ones first.
static void attend_range(void *context, size_t begin, size_t end, size_t worker) {
  const attention *a = context;
  float *scratch = a->scratch + worker * floats_of_scratch(a);
  size_t before = 0;
  for (size_t s = 0; s < a->sequence_count && begin < end; s++) {
    const size_t units = units_of(a, &a->sequences[s]);
    for (; begin < end && begin - before < units * a->kv_heads; begin++) {
      const size_t index = begin - before;
      attend_unit(a, &a->sequences[s], index / units, units - 1 - index % units, scratch);
    }
    before += units * a->kv_heads;
  }
}

static int attend_all(attention a, illmrec_team *team) {
  a.blocks_per_unit = BLOCKS_PER_UNIT;
  // Smaller units where there would be too few to go round; the result is the same.
  const size_t threads = illmrec_team_size(team);
  while (a.blocks_per_unit > 1 && all_units(&a) < 8 * threads) a.blocks_per_unit /= 2;
  const size_t bytes = (threads * floats_of_scratch(&a) * sizeof(float) + 63) / 64 * 64;
  a.scratch = aligned_alloc(64, bytes);
  if (a.scratch == NULL) return -1;
  illmrec_team_run(team, all_units(&a), 1, attend_range, &a);
  free(a.scratch);
  return 0;
}

// Neither causal nor with biases.
static attention attention_of(illmrec_isa isa, const illmrec_sequence *sequences, size_t sequence_count,
                              const float *query, size_t query_stride, const float *key, const float *value,
                              size_t kv_stride, size_t heads, size_t kv_heads, size_t head_width, float scale,
                              float *out, size_t out_stride) {
  return (attention){.kernel = kernel_for(isa),
                     .sequences = sequences,
                     .sequence_count = sequence_count,
                     .query = query,
                     .query_stride = query_stride,
                     .key = key,
                     .value = value,
                     .kv_stride = kv_stride,
                     .heads = heads,
                     .kv_heads = kv_heads,
                     .head_width = head_width,
                     .scale = scale,
                     .out = out,
                     .out_stride = out_stride};
}

int illmrec_attention_with_log_sums(illmrec_team *team, illmrec_isa isa, const illmrec_sequence *sequences,
                                    size_t sequence_count, const float *query, size_t query_stride, const float *key,
                                    const float *value, size_t kv_stride, size_t heads, size_t kv_heads,
                                    size_t head_width, float scale, int causal, illmrec_attention_limits limits,
                                    float *out, size_t out_stride, float *log_sums) {
  attention a = attention_of(isa, sequences, sequence_count, query, query_stride, key, value, kv_stride, heads,
                             kv_heads, head_width, scale, out, out_stride);
  a.causal = causal;
  a.window = limits.window;
  // Scores are exponents of two.
  a.soft_cap = limits.soft_cap * 1.44269504f;
  a.log_sums = log_sums;
  return attend_all(a, team);
}

int illmrec_attention(illmrec_team *team, illmrec_isa isa, const illmrec_sequence *sequences, size_t sequence_count,
                      const float *query, size_t query_stride, const float *key, const float *value, size_t kv_stride,
                      size_t heads, size_t kv_heads, size_t head_width, float scale, int causal, float *out,
                      size_t out_stride) {
  const illmrec_attention_limits none = {0};
  return illmrec_attention_with_log_sums(team, isa, sequences, sequence_count, query, query_stride, key, value,
                                         kv_stride, heads, kv_heads, head_width, scale, causal, none, out, out_stride,
                                         NULL);
}

// Neighbouring columns are neighbouring queries, so the kernels read a bias by the query's position less the key's, where
// the caller's goes the other way. Columns beyond a sequence's last query read on: zeros.
static void turn_bias(const attention *a, const float *bias, float *turned) {
  const size_t distances = 2 * a->reach + 1;
  for (size_t h = 0; h < a->heads; h++, bias += distances, turned += a->bias_stride) {
    for (size_t d = 0; d < distances; d++) turned[d] = bias[distances - 1 - d] * 1.44269504f;
    memset(turned + distances, 0, (a->bias_stride - distances) * sizeof *turned);
  }
}

int illmrec_attention_with_bias(illmrec_team *team, illmrec_isa isa, const illmrec_sequence *sequences,
                                size_t sequence_count, const float *query, size_t query_stride, const float *key,
                                const float *value, size_t kv_stride, size_t heads, size_t head_width, float scale,
                                const float *bias, size_t reach, float *out, size_t out_stride) {
  attention a = attention_of(isa, sequences, sequence_count, query, query_stride, key, value, kv_stride, heads, heads,
                             head_width, scale, out, out_stride);
  a.reach = reach;
  a.bias_stride = 2 * reach + 1 + COLUMNS_MAX;
  float *turned = malloc(heads * a.bias_stride * sizeof *turned);
  if (turned == NULL) return -1;
  turn_bias(&a, bias, turned);
  a.bias = turned;
  const int status = attend_all(a, team);
  free(turned);
  return status;
}
