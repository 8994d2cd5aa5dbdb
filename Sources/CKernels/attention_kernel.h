// SPDX-License-Identifier: Apache-2.0

// A template, included once per feature set: softmax attention of some queries over the keys of their sequence.
//
// A vector holds the same element of several queries, one per lane ("column"). Scores, their maxima and sums and the
// mixed values are then plain lane-by-lane arithmetic, a head may have any width without padding, and every query's
// result is summed in one order, key by key and element by element, wherever in a block it lies: results do not depend on
// the batch, on the threads, or on how many queries are computed together.
//
// Parameters beside template_begin.h's: KERNEL_LOW and KERNEL_HIGH interleave the halves of two vectors; KERNEL_ROWS keys
// (or elements of a value) are multiplied with all columns at a time: rows · 3 sums, 3 columns and a broadcast must fit
// the registers.

#include "template_begin.h"

#define COLUMNS (VECTORS * LANES)

/// out[r, :] = out[r, :] * rescale + sum over i < count of a[r * a_row + i * a_step] * b[i, :], for r < rows and the
/// first `vectors` vectors of each row of columns. Without `rescale`, out's former values do not count.
KERNEL_INLINED void KERNEL(multiply)(size_t rows, size_t vectors, const float *a, size_t a_row, size_t a_step,
                                     size_t count, const float *b, const FLOATS *rescale, float *out) {
#pragma clang fp contract(fast)
  FLOATS sums[KERNEL_ROWS][VECTORS];
  UNROLLED for (size_t r = 0; r < rows; r++) {
    UNROLLED for (size_t v = 0; v < vectors; v++) {
      sums[r][v] = rescale ? *(const FLOATS *)(out + r * COLUMNS + v * LANES) * rescale[v] : (FLOATS){0};
    }
  }
  for (size_t i = 0; i < count; i++) {
    FLOATS columns[VECTORS];
    UNROLLED for (size_t v = 0; v < vectors; v++) columns[v] = *(const FLOATS *)(b + i * COLUMNS + v * LANES);
    UNROLLED for (size_t r = 0; r < rows; r++) {
      UNROLLED for (size_t v = 0; v < vectors; v++) sums[r][v] += a[r * a_row + i * a_step] * columns[v];
    }
  }
  UNROLLED for (size_t r = 0; r < rows; r++) {
    UNROLLED for (size_t v = 0; v < vectors; v++) { *(FLOATS *)(out + r * COLUMNS + v * LANES) = sums[r][v]; }
  }
}

/// The scores of `keys` keys: scores[k, :] = sum over e of key[k, e] * query[e, :]. Meanwhile the keys that come next and
/// the values that these scores weigh are fetched into the cache.
KERNEL_INLINED void KERNEL(score)(size_t vectors, const float *key, const float *value, size_t stride, size_t keys,
                                  size_t width, const float *query, float *scores) {
  size_t k = 0;
  for (; k + KERNEL_ROWS <= keys; k += KERNEL_ROWS) {
    for (size_t r = k; r < k + KERNEL_ROWS; r++) {
      for (size_t e = 0; e < width; e += FLOATS_PER_CACHE_LINE) {
        __builtin_prefetch(key + (r + KERNEL_ROWS) * stride + e, 0, 3);
        __builtin_prefetch(value + r * stride + e, 0, 2);
      }
    }
    KERNEL(multiply)(KERNEL_ROWS, vectors, key + k * stride, stride, 1, width, query, NULL, scores + k * COLUMNS);
  }
  for (; k < keys; k++) {
    KERNEL(multiply)(1, vectors, key + k * stride, stride, 1, width, query, NULL, scores + k * COLUMNS);
  }
}

/// Adds the weighted values: out[e, :] = out[e, :] * rescale + sum over k of value[k, e] * weights[k, :].
KERNEL_INLINED void KERNEL(mix)(size_t vectors, const float *value, size_t stride, size_t keys, size_t width,
                                const float *weights, const FLOATS *rescale, float *out) {
  size_t e = 0;
  for (; e + KERNEL_ROWS <= width; e += KERNEL_ROWS) {
    KERNEL(multiply)(KERNEL_ROWS, vectors, value + e, 1, stride, keys, weights, rescale, out + e * COLUMNS);
  }
  for (; e < width; e++) {
    KERNEL(multiply)(1, vectors, value + e, 1, stride, keys, weights, rescale, out + e * COLUMNS);
  }
}

/// 2^x for x <= 0 within 2 units in the last place; 0 below -126.5. NaN stays NaN.
///
/// x = n + r with |r| <= 1/2; 2^r by a minimax polynomial whose constant term is 1, 2^n by the exponent bits.
KERNEL_INLINED FLOATS KERNEL(power_of_two)(FLOATS x) {
#pragma clang fp contract(fast)
  // Adding 1.5 * 2^23 + 127 rounds to the nearest integer and leaves n + 127, an exponent's bits, in the lowest bits.
  const FLOATS rounding = (FLOATS){0} + (0x1.8p+23f + 127);
  const FLOATS least = (FLOATS){0} - 127;
  x = least > x ? least : x;
  FLOATS shifted = x + rounding;
  FLOATS r = x - (shifted - rounding);
  FLOATS p = r * 1.3398874e-3f + 9.6184373e-3f;
  p = p * r + 5.5503324e-2f;
  p = p * r + 2.4022648e-1f;
  p = p * r + 6.9314718e-1f;
  p = p * r + 1.0f;
  return p * (FLOATS)((INTEGERS)shifted << 23);
}

/// Adds a bias by distance: scores[k, c] += bias[c - k].
KERNEL_INLINED void KERNEL(add_bias)(size_t vectors, size_t keys, const float *bias, float *scores) {
  for (size_t k = 0; k < keys; k++) {
    UNROLLED for (size_t v = 0; v < vectors; v++) {
      *(FLOATS *)(scores + k * COLUMNS + v * LANES) += *(const KERNEL(floats_anywhere) *)(bias + v * LANES - k);
    }
  }
}

/// Gives keys that a column must not see a score of minus infinity: those from `visible[column]` on, counted from
/// `first_key`.
KERNEL_INLINED void KERNEL(hide)(size_t vectors, size_t first_key, size_t keys, const int32_t *visible, float *scores) {
  for (size_t k = 0; k < keys; k++) {
    UNROLLED for (size_t v = 0; v < vectors; v++) {
      FLOATS *score = (FLOATS *)(scores + k * COLUMNS + v * LANES);
      INTEGERS seen = *(const INTEGERS *)(visible + v * LANES) > (INTEGERS){0} + (int32_t)(first_key + k);
      *score = seen ? *score : (FLOATS){0} - __builtin_inff();
    }
  }
}

/// Gives keys that lie before a column's window a score that no other is as low as. A tile of nothing else has a maximum
/// that is finite, and weighs nothing once a key of the window is there.
KERNEL_INLINED void KERNEL(hide_before_window)(size_t vectors, size_t first_key, size_t keys, size_t window,
                                               const int32_t *visible, float *scores) {
  for (size_t k = 0; k < keys; k++) {
    UNROLLED for (size_t v = 0; v < vectors; v++) {
      FLOATS *score = (FLOATS *)(scores + k * COLUMNS + v * LANES);
      INTEGERS before = *(const INTEGERS *)(visible + v * LANES) > (INTEGERS){0} + (int32_t)(first_key + k + window);
      *score = before ? (FLOATS){0} - 1e30f : *score;
    }
  }
}

/// scores = cap * tanh(scores / cap), by tanh(u) = (1 - e) / (1 + e) with e = exp(-2 u) for u >= 0.
KERNEL_INLINED void KERNEL(cap)(size_t vectors, size_t keys, float cap, float *scores) {
  const float slope = -2 * 1.44269504f / cap;
  for (size_t k = 0; k < keys; k++) {
    UNROLLED for (size_t v = 0; v < vectors; v++) {
      FLOATS *score = (FLOATS *)(scores + k * COLUMNS + v * LANES);
      const FLOATS value = *score;
      const FLOATS e = KERNEL(power_of_two)((value < 0 ? -value : value) * slope);
      const FLOATS capped = cap * (1.0f - e) / (1.0f + e);
      *score = value < 0 ? -capped : capped;
    }
  }
}

/// Turns the scores of `keys` keys into weights relative to the largest score so far: 2^(score - maximum), and adds them
/// to `sums`. `rescale` is what all that was summed before must be multiplied with.
KERNEL_INLINED void KERNEL(weigh)(size_t vectors, size_t keys, float *scores, FLOATS *maxima, FLOATS *sums,
                                  FLOATS *rescale) {
  UNROLLED for (size_t v = 0; v < vectors; v++) {
    FLOATS even = maxima[v], odd = even;
    for (size_t k = 0; k < keys; k += 2) {
      FLOATS first = *(const FLOATS *)(scores + k * COLUMNS + v * LANES);
      FLOATS second = *(const FLOATS *)(scores + (k + 1 < keys ? k + 1 : k) * COLUMNS + v * LANES);
      even = first > even ? first : even;
      odd = second > odd ? second : odd;
    }
    FLOATS maximum = even > odd ? even : odd;
    rescale[v] = KERNEL(power_of_two)(maxima[v] - maximum);
    maxima[v] = maximum;
    FLOATS sum = sums[v] * rescale[v];
    for (size_t k = 0; k < keys; k++) {
      FLOATS *score = (FLOATS *)(scores + k * COLUMNS + v * LANES);
      *score = KERNEL(power_of_two)(*score - maximum);
      sum += *score;
    }
    sums[v] = sum;
  }
}

/// One tile of keys for one block of columns.
KERNEL_INLINED void KERNEL(attend_tile)(size_t vectors, const attention *a, const column_block *block, size_t first_key,
                                        size_t keys, const float *key, const float *value, float *scores) {
  FLOATS rescale[VECTORS];
  KERNEL(score)(vectors, key, value, a->kv_stride, keys, a->head_width, block->query, scores);
  if (block->bias != NULL) KERNEL(add_bias)(vectors, keys, block->bias - first_key, scores);
  if (a->soft_cap > 0) KERNEL(cap)(vectors, keys, a->soft_cap, scores);
  if (first_key + keys > (size_t)block->visible[0]) KERNEL(hide)(vectors, first_key, keys, block->visible, scores);
  if (a->window > 0 && first_key + a->window < (size_t)block->visible[block->columns - 1]) {
    KERNEL(hide_before_window)(vectors, first_key, keys, a->window, block->visible, scores);
  }
  KERNEL(weigh)(vectors, keys, scores, (FLOATS *)block->maxima, (FLOATS *)block->sums, rescale);
  KERNEL(mix)(vectors, value, a->kv_stride, keys, a->head_width, scores, rescale, block->mixed);
}

KERNEL_FUNCTION void KERNEL(attend)(const attention *a, const column_block *block, size_t first_key, size_t keys,
                                    const float *key, const float *value, float *scores) {
  switch ((block->columns + LANES - 1) / LANES) {
    case 1:
      KERNEL(attend_tile)(1, a, block, first_key, keys, key, value, scores);
      break;
    case 2:
      KERNEL(attend_tile)(2, a, block, first_key, keys, key, value, scores);
      break;
    default:
      KERNEL(attend_tile)(3, a, block, first_key, keys, key, value, scores);
      break;
  }
}

/// Turns rows into columns: after log2(lanes) interleavings of the two halves, element j of row i is element i of row j.
KERNEL_INLINED void KERNEL(transpose)(FLOATS *rows) {
  UNROLLED for (size_t step = 1; step < LANES; step *= 2) {
    FLOATS next[KERNEL_LANES];
    UNROLLED for (size_t i = 0; i < LANES / 2; i++) {
      next[2 * i] = __builtin_shufflevector(rows[i], rows[i + LANES / 2], KERNEL_LOW);
      next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + LANES / 2], KERNEL_HIGH);
    }
    UNROLLED for (size_t i = 0; i < LANES; i++) rows[i] = next[i];
  }
}

/// Where a block of at most `LANES` elements starts so that it ends within `width`: the last one reaches back into the
/// one before.
KERNEL_INLINED size_t KERNEL(block_start)(size_t e, size_t width) {
  return e + LANES <= width || width < LANES ? e : width - LANES;
}

/// A tile of `columns` rows' elements e, …, e + LANES - 1, of `count` that there are.
KERNEL_INLINED void KERNEL(load_rows)(const float *const *rows, size_t columns, size_t e, size_t count, FLOATS *tile) {
  if (columns >= LANES && count >= LANES) {
    UNROLLED for (size_t c = 0; c < LANES; c++) tile[c] = *(const KERNEL(floats_anywhere) *)(rows[c] + e);
    return;
  }
  for (size_t c = 0; c < LANES; c++) {
    tile[c] = (FLOATS){0};
    if (c < columns) memcpy(&tile[c], rows[c] + e, (count < LANES ? count : LANES) * sizeof(float));
  }
}

KERNEL_INLINED void KERNEL(store_rows)(const FLOATS *tile, size_t columns, size_t e, size_t count, float *const *rows) {
  if (columns >= LANES && count >= LANES) {
    UNROLLED for (size_t c = 0; c < LANES; c++) { *(KERNEL(floats_anywhere) *)(rows[c] + e) = tile[c]; }
    return;
  }
  for (size_t c = 0; c < LANES && c < columns; c++) {
    memcpy(rows[c] + e, &tile[c], (count < LANES ? count : LANES) * sizeof(float));
  }
}

/// query[e, c] = rows[c][e] * factor for the block's columns; zero for those beyond.
KERNEL_FUNCTION void KERNEL(pack)(const float *const *rows, size_t columns, size_t width, float factor, float *query) {
  for (size_t c = 0; c < columns; c += LANES) {
    for (size_t next = 0; next < width; next += LANES) {
      const size_t e = KERNEL(block_start)(next, width);
      FLOATS tile[KERNEL_LANES];
      KERNEL(load_rows)(rows + c, columns - c, e, width - e, tile);
      KERNEL(transpose)(tile);
      UNROLLED for (size_t i = 0; i < LANES; i++) {
        if (e + i < width) *(FLOATS *)(query + (e + i) * COLUMNS + c) = tile[i] * factor;
      }
    }
  }
}

/// rows[c][e] = mixed[e, c] / sums[c] for the block's columns.
KERNEL_FUNCTION void KERNEL(unpack)(const float *mixed, const float *sums, size_t columns, size_t width,
                                    float *const *rows) {
  for (size_t c = 0; c < columns; c += LANES) {
    const FLOATS factor = 1.0f / *(const FLOATS *)(sums + c);
    for (size_t next = 0; next < width; next += LANES) {
      const size_t e = KERNEL(block_start)(next, width);
      FLOATS tile[KERNEL_LANES];
      UNROLLED for (size_t i = 0; i < LANES; i++) {
        tile[i] = e + i < width ? *(const FLOATS *)(mixed + (e + i) * COLUMNS + c) * factor : (FLOATS){0};
      }
      KERNEL(transpose)(tile);
      KERNEL(store_rows)(tile, columns - c, e, width - e, rows + c);
    }
  }
}

static const attention_kernel KERNEL(attention_kernel) = {
    .attend = KERNEL(attend), .pack = KERNEL(pack), .unpack = KERNEL(unpack), .columns = VECTORS * KERNEL_LANES};

#undef COLUMNS
#undef KERNEL_ROWS
#undef KERNEL_LOW
#undef KERNEL_HIGH
#include "template_end.h"
