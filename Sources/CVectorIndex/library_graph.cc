// SPDX-License-Identifier: Apache-2.0

#include "library_graph.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include "graph_image.h"

namespace illmrec {

CodeSpace::CodeSpace(size_t dim, float longest)
    : dim_(dim), stride_(code_stride(dim)), longest_(longest), product_(code_products(ILLMREC_ISA_BEST).of_rows) {}

void CodeSpace::encode(const float *row, std::vector<uint8_t> &data) const {
  data.resize(sizeof(Head) + stride_);
  const float largest = largest_magnitude(row, dim_);
  Head head;
  head.offset = CODE_ZERO * encode_row(row, dim_, largest, data.data() + sizeof head);
  head.scale = longest_ > 0 ? largest / longest_ : 0;
  std::memcpy(data.data(), &head, sizeof head);
}

float CodeSpace::distance(const void *a, const void *b, const void *space) {
  const auto *self = static_cast<const CodeSpace *>(space);
  const auto *left = static_cast<const uint8_t *>(a), *right = static_cast<const uint8_t *>(b);
  Head left_head, right_head;
  std::memcpy(&left_head, left, sizeof left_head);
  std::memcpy(&right_head, right, sizeof right_head);
  // The left codes have CODE_ZERO added, which the right ones' sum takes out.
  const int32_t product = self->product_(left + sizeof(Head), right + sizeof(Head), self->stride_) - right_head.offset;
  return -static_cast<float>(product) * left_head.scale * right_head.scale;
}

LibraryGraph::LibraryGraph(CodeSpace *space, uint32_t node_count, const illmrec_graph_parameters &parameters)
    : HierarchicalNSW(space, node_count, parameters.links, parameters.breadth) {
  // Told to use layer 0, the library draws a layer itself, without a lock. Times nothing, all that it draws is 0.
  mult_ = 1e-30;
}

void LibraryGraph::add(uint32_t node, const std::vector<uint8_t> &data) {
  addPoint(data.data(), node, static_cast<int>(upper_layers(node, static_cast<uint32_t>(M_))));
}

uint32_t LibraryGraph::upper_layers(uint32_t node, uint32_t links) {
  // SplitMix64 of the node's number; the upper 53 bits are a number in (0, 1].
  uint64_t mixed = (uint64_t{node} + 1) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  mixed ^= mixed >> 31;
  const double uniform = static_cast<double>((mixed >> 11) + 1) * 0x1p-53;
  return static_cast<uint32_t>(-std::log(uniform) / std::log(static_cast<double>(links)));
}

void *LibraryGraph::serialized(const DistinctRows &rows, uint32_t dim, size_t *size) const {
  const auto links = static_cast<uint32_t>(M_), node_count = static_cast<uint32_t>(cur_element_count);
  std::vector<uint32_t> element_of(node_count), upper_of(node_count, NO_LINK), upper_nodes;
  uint32_t upper_lists = 0;
  for (uint32_t element = 0; element < node_count; element++) element_of[node_of(element)] = element;
  for (uint32_t node = 0; node < node_count; node++) {
    const auto layers = static_cast<uint32_t>(element_levels_[element_of[node]]);
    if (layers == 0) continue;
    upper_of[node] = static_cast<uint32_t>(upper_nodes.size());
    upper_nodes.push_back(node);
    upper_lists += layers;
  }
  const auto upper_count = static_cast<uint32_t>(upper_nodes.size());
  const bool has_nodes = rows.nodes.size() != node_count;
  *size = GraphImage::bytes(node_count, links, upper_count, upper_lists) +
          (has_nodes ? rows.nodes.size() * sizeof(uint32_t) : 0);
  auto *bytes = static_cast<uint8_t *>(std::malloc(*size));
  if (bytes == nullptr) throw std::bad_alloc();

  const uint32_t entry = node_of(enterpoint_node_);
  GraphHeader header = {};
  std::memcpy(header.magic, has_nodes ? DISTINCT_GRAPH_MAGIC : GRAPH_MAGIC, sizeof header.magic);
  header.row_count = static_cast<uint32_t>(rows.nodes.size());
  header.node_count = has_nodes ? node_count : 0;
  header.dim = dim;
  header.links = links;
  header.breadth = static_cast<uint32_t>(ef_construction_);
  header.upper_count = upper_count;
  header.upper_lists = upper_lists;
  header.entry = upper_count > 0 ? upper_of[entry] : entry;
  std::memcpy(bytes, &header, sizeof header);

  auto *out = reinterpret_cast<uint32_t *>(bytes + sizeof header);
  const auto write_list = [&](hnswlib::tableint element, int layer, size_t room) {
    auto *list = get_linklist_at_level(element, layer);
    const auto *linked = reinterpret_cast<const hnswlib::tableint *>(list + 1);
    const size_t count = getListCount(list);
    for (size_t i = 0; i < count; i++) {
      const uint32_t node = node_of(linked[i]);
      out[i] = layer == 0 ? node : upper_of[node];
    }
    std::fill(out + count, out + room, NO_LINK);
    out += room;
  };
  for (uint32_t node = 0; node < node_count; node++) write_list(element_of[node], 0, 2 * size_t{links});
  out = std::copy(upper_nodes.begin(), upper_nodes.end(), out);
  for (uint32_t node : upper_nodes) *out++ = static_cast<uint32_t>(element_levels_[element_of[node]]);
  for (uint32_t node : upper_nodes) {
    for (int layer = 1; layer <= element_levels_[element_of[node]]; layer++) write_list(element_of[node], layer, links);
  }
  if (has_nodes) std::copy(rows.nodes.begin(), rows.nodes.end(), out);
  return bytes;
}

}  // namespace illmrec
