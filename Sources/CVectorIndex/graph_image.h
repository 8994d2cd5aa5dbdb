// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace illmrec {

/// A serialised graph: what the file of a version holds. Little-endian, in this order:
///
///   header                                 GraphHeader
///   base links   uint32 [N, 2M]            rows on the lowest layer; unused places, at the end of a list, are NO_LINK
///   upper rows   uint32 [U]                the rows that are on further layers, ascending
///   upper layers uint32 [U]                on how many
///   upper links  uint32 [sum of layers, M] of each such row layer by layer, counted in upper rows
struct GraphHeader {
  char magic[16];
  uint32_t row_count;
  uint32_t dim;
  uint32_t links;
  uint32_t breadth;
  /// U; 0 when every row is on the lowest layer only.
  uint32_t upper_count;
  /// Sum of upper layers.
  uint32_t upper_lists;
  /// Where searches begin: an upper row on the most layers when there are any, else a row.
  uint32_t entry;
  uint32_t reserved;
};

inline constexpr char GRAPH_MAGIC[16] = "illmrec hnsw 1\n";
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
  const uint32_t *base_links;
  const uint32_t *upper_rows;
  const uint32_t *upper_layers;
  const uint32_t *upper_links;

  /// Bytes of a graph; throws std::length_error on overflow.
  static size_t bytes(uint32_t row_count, uint32_t links, uint32_t upper_count, uint32_t upper_lists);

  /// Checks everything: sizes, and that every link leads to a row that is on that layer. Throws InvalidGraph.
  static GraphImage read(const void *bytes, size_t size, uint32_t row_count, uint32_t dim);
};

}  // namespace illmrec
