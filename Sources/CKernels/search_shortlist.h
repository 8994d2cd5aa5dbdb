// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A row that may be among the best: its score lies between the bounds.
typedef struct {
  float lower;
  float upper;
  uint32_t row;
} candidate;

/// What one worker knows of one query's best rows from bounds alone. All bounds are in the query's units.
typedef struct {
  /// The k best lower bounds: a heap with the least at its root.
  float *lowers;
  uint32_t lower_count;
  /// Rows whose upper bound was at least `threshold`, not yet scored in float32.
  candidate *candidates;
  uint32_t candidate_count;
  uint32_t room;
  /// At least k rows score no less.
  float threshold;
  /// Bounds are of no use: rows are scored in float32 right away.
  bool is_loose;
  uint64_t bounded_rows;
  uint64_t scored_rows;
  /// Of the query's excluded rows, the first that is not before the panel `next_panel`.
  size_t excluded_at;
  size_t next_panel;
} shortlist;

/// Offers a lower bound to the k best. With k of them, k rows score at least the least.
void offer_lower(shortlist *list, uint32_t k, float lower);
