// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "search_scores.h"

/// Scans by bounds: rows are scored in float32 only where their codes do not decide.

/// Prepares the scan for bounds; false when memory is exhausted. `end_bounds` in any case.
bool begin_bounds(illmrec_scan *scan, const illmrec_codes *codes, illmrec_isa isa);

/// Bounds the scores of every query with the rows [first, end), and keeps what may be among the best.
void bound_range(illmrec_scan *scan, uint32_t first, uint32_t end);

/// Scores what is left on the shortlists; before the first hits are taken.
void settle_bounds(illmrec_scan *scan);

/// Rows scored in float32, all queries together.
uint64_t rows_scored_by_bounds(const illmrec_scan *scan);

/// Frees what `begin_bounds` made; nothing where it was not called.
void end_bounds(illmrec_scan *scan);
