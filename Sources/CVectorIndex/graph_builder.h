// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "illmrec_graph.h"

namespace illmrec {

/// Builds a graph on threads of its own, which a search's team would not do for: a build takes minutes, and searches must
/// neither wait for it nor share its priority. Returns the serialised graph, allocated by malloc; NULL when `progress`
/// returned false. Throws what the library and the system throw.
void *build_graph(const float *rows, uint32_t row_count, uint32_t dim, const illmrec_graph_parameters &parameters,
                  const std::function<bool(uint32_t)> &progress, size_t *size);

/// As `illmrec_graph_build_bytes`; throws nothing.
uint64_t build_bytes(uint32_t row_count, uint32_t dim, uint32_t links);

}  // namespace illmrec
