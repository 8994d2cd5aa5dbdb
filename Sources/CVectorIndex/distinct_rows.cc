// SPDX-License-Identifier: Apache-2.0

#include "distinct_rows.h"

#include <cstring>
#include <string_view>
#include <unordered_set>

namespace illmrec {

DistinctRows DistinctRows::of(const float *rows, uint32_t row_count, uint32_t dim) {
  const auto bytes = [=](uint32_t row) {
    return std::string_view(reinterpret_cast<const char *>(rows + size_t{row} * dim), dim * sizeof(float));
  };
  DistinctRows distinct;
  distinct.nodes.resize(row_count);
  const auto hash = [&](uint32_t node) { return std::hash<std::string_view>()(bytes(distinct.first[node])); };
  const auto equal = [&](uint32_t a, uint32_t b) { return bytes(distinct.first[a]) == bytes(distinct.first[b]); };
  std::unordered_set<uint32_t, decltype(hash), decltype(equal)> known(row_count, hash, equal);
  for (uint32_t row = 0; row < row_count; row++) {
    // As if the row were a new node; it is taken back when its vector is known.
    const auto node = static_cast<uint32_t>(distinct.first.size());
    distinct.first.push_back(row);
    const auto [place, is_new] = known.insert(node);
    if (!is_new) distinct.first.pop_back();
    distinct.nodes[row] = *place;
  }
  return distinct;
}

uint64_t DistinctRows::bytes(uint32_t row_count) {
  // Two numbers, the set's element with its hash and link, and its bucket.
  return uint64_t{row_count} * (2 * sizeof(uint32_t) + 32 + 2 * sizeof(void *));
}

NodeRows::NodeRows(const uint32_t *nodes, uint32_t row_count, uint32_t node_count)
    : begin_(size_t{node_count} + 1), rows_(row_count) {
  for (uint32_t row = 0; row < row_count; row++) begin_[nodes[row] + 1]++;
  for (uint32_t node = 0; node < node_count; node++) begin_[node + 1] += begin_[node];
  std::vector<uint32_t> end(begin_.begin(), begin_.end() - 1);
  for (uint32_t row = 0; row < row_count; row++) rows_[end[nodes[row]]++] = row;
}

}  // namespace illmrec
