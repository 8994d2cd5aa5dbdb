// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace illmrec {

/// Which rows are the same vector, bit for bit.
///
/// Many items share one where a shop shows one image for all that have none. Each of such rows would be a node at distance
/// nothing from all others of them: they would fill each other's links, and searches would not find out of them.
struct DistinctRows {
  /// Of each distinct vector the first row that holds it, ascending. A vector's place here is its node in a graph.
  std::vector<uint32_t> first;
  /// [row_count] The node of each row.
  std::vector<uint32_t> nodes;

  /// Throws std::bad_alloc.
  static DistinctRows of(const float *rows, uint32_t row_count, uint32_t dim);

  /// Memory that `of` takes at most.
  static uint64_t bytes(uint32_t row_count);
};

/// The rows of each node.
class NodeRows {
 public:
  /// Every row is a node of its own.
  NodeRows() = default;
  /// - nodes: [row_count], each below `node_count`.
  NodeRows(const uint32_t *nodes, uint32_t row_count, uint32_t node_count);

  uint32_t first(uint32_t node) const { return begin_.empty() ? node : rows_[begin_[node]]; }
  uint32_t count(uint32_t node) const { return begin_.empty() ? 1 : begin_[node + 1] - begin_[node]; }

  /// Hands a node's rows to `body`, ascending, until it returns false.
  template <typename Body>
  void each(uint32_t node, Body body) const {
    if (begin_.empty()) {
      body(node);
      return;
    }
    for (uint32_t i = begin_[node]; i < begin_[node + 1]; i++) {
      if (!body(rows_[i])) return;
    }
  }

 private:
  /// [node_count + 1] Where each node's rows begin in `rows_`.
  std::vector<uint32_t> begin_;
  std::vector<uint32_t> rows_;
};

}  // namespace illmrec
