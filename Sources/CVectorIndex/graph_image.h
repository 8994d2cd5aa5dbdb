// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace illmrec {

/// A serialised graph: what the file of a version holds. Its V nodes are the distinct vectors of N rows. Little-endian, in
/// this order:
///
///   header                                 GraphHeader
///   base links   uint32 [V, 2M]            nodes on the lowest layer; unused places, at the end of a list, are NO_LINK
///   upper nodes  uint32 [U]                the nodes that are on further layers, ascending
///   upper layers uint32 [U]                on how many
///   upper links  uint32 [sum of layers, M] of each such node layer by layer, counted in upper nodes
///   nodes        uint32 [N]                of each row; only in the second layout. In the first, node i is row i.
struct GraphHeader {
  char magic[16];
  uint32_t row_count;
  uint32_t dim;
  uint32_t links;
  uint32_t breadth;
  /// U; 0 when every node is on the lowest layer only.
  uint32_t upper_count;
  /// Sum of upper layers.
  uint32_t upper_lists;
  /// Where searches begin: an upper node on the most layers when there are any, else a node.
  uint32_t entry;
  /// V in the second layout; 0 in the first.
  uint32_t node_count;

  /// Whether it begins as the second layout does, in which several rows may be one node.
  bool joins_rows() const;
};

inline constexpr char GRAPH_MAGIC[16] = "illmrec hnsw 1\n";
inline constexpr char DISTINCT_GRAPH_MAGIC[16] = "illmrec hnsw 2\n";
inline constexpr uint32_t NO_LINK = UINT32_MAX;

static_assert(sizeof(GraphHeader) == 48, "the header is read from files");
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "graphs are little-endian and read as they are"
#endif

/// Bytes that are no graph of the rows.
struct InvalidGraph : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The parts of a serialised graph; valid as long as its bytes.
struct GraphImage {
  const GraphHeader *header;
  /// V
  uint32_t node_count;
  const uint32_t *base_links;
  const uint32_t *upper_nodes;
  const uint32_t *upper_layers;
  const uint32_t *upper_links;
  /// [N]; NULL where node i is row i.
  const uint32_t *nodes;

  /// Bytes of a graph whose nodes are rows; the second layout has N words more. Throws std::length_error on overflow.
  static size_t bytes(uint32_t node_count, uint32_t links, uint32_t upper_count, uint32_t upper_lists);

  /// Checks everything: sizes, and that every link leads to a node that is on that layer and has rows. Throws InvalidGraph.
  static GraphImage read(const void *bytes, size_t size, uint32_t row_count, uint32_t dim);
};

}  // namespace illmrec
