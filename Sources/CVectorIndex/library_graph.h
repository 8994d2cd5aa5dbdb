// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

// Debian's hnswlib, without its distance functions: they are not used, and would be defined in every file.
#define NO_MANUAL_VECTORIZATION
#include <hnswlib/hnswlib.h>

#include "distinct_rows.h"
#include "illmrec_graph.h"
#include "row_codes.h"

namespace illmrec {

/// The negative inner product of coded rows, in units that keep it within float32, as hnswlib asks for it.
class CodeSpace final : public hnswlib::SpaceInterface<float> {
 public:
  /// - longest: largest magnitude of all rows.
  CodeSpace(size_t dim, float longest);

  /// Writes what the library keeps of a row to `data` [get_data_size()].
  void encode(const float *row, std::vector<uint8_t> &data) const;

  size_t get_data_size() override { return sizeof(Head) + stride_; }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void *get_dist_func_param() override { return this; }

 private:
  /// In front of a row's codes.
  struct Head {
    /// The row's largest magnitude over that of all rows.
    float scale;
    /// CODE_ZERO times the sum of the codes.
    int32_t offset;
  };

  static float distance(const void *a, const void *b, const void *space);

  size_t dim_;
  size_t stride_;
  float longest_;
  int32_t (*product_)(const uint8_t *, const uint8_t *, size_t);
};

/// hnswlib's graph while it is built. Its label of a node is the node's number.
class LibraryGraph final : public hnswlib::HierarchicalNSW<float> {
 public:
  LibraryGraph(CodeSpace *space, uint32_t node_count, const illmrec_graph_parameters &parameters);

  /// Adds a node to its layers; any threads, each node once.
  void add(uint32_t node, const std::vector<uint8_t> &data);

  /// Upper layers that a node is on: 0 for all but one in `links`. A function of the node's number alone, so that a node's
  /// layers do not depend on the threads.
  static uint32_t upper_layers(uint32_t node, uint32_t links);

  /// The graph as bytes, allocated by malloc.
  void *serialized(const DistinctRows &rows, uint32_t dim, size_t *size) const;

 private:
  uint32_t node_of(hnswlib::tableint element) const { return static_cast<uint32_t>(getExternalLabel(element)); }
};

}  // namespace illmrec
