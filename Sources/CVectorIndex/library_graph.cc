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

LibraryGraph::LibraryGraph(CodeSpace *space, uint32_t row_count, const illmrec_graph_parameters &parameters)
    : HierarchicalNSW(space, row_count, parameters.links, parameters.breadth) {
  // Told to use layer 0, the library draws a layer itself, without a lock. Times nothing, all that it draws is 0.
  mult_ = 1e-30;
}

void LibraryGraph::add(uint32_t row, const std::vector<uint8_t> &data) {
  addPoint(data.data(), row, static_cast<int>(upper_layers(row, static_cast<uint32_t>(M_))));
}

uint32_t LibraryGraph::upper_layers(uint32_t row, uint32_t links) {
  // SplitMix64 of the row's number; the upper 53 bits are a number in (0, 1].
  uint64_t mixed = (uint64_t{row} + 1) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  mixed ^= mixed >> 31;
  const double uniform = static_cast<double>((mixed >> 11) + 1) * 0x1p-53;
  return static_cast<uint32_t>(-std::log(uniform) / std::log(static_cast<double>(links)));
}

void *LibraryGraph::serialized(uint32_t dim, size_t *size) const {
  const auto links = static_cast<uint32_t>(M_), row_count = static_cast<uint32_t>(cur_element_count);
  std::vector<uint32_t> element_of(row_count), upper_of(row_count, NO_LINK), upper_rows;
  uint32_t upper_lists = 0;
  for (uint32_t element = 0; element < row_count; element++) element_of[row_of(element)] = element;
  for (uint32_t row = 0; row < row_count; row++) {
    const auto layers = static_cast<uint32_t>(element_levels_[element_of[row]]);
    if (layers == 0) continue;
    upper_of[row] = static_cast<uint32_t>(upper_rows.size());
    upper_rows.push_back(row);
    upper_lists += layers;
  }
  const auto upper_count = static_cast<uint32_t>(upper_rows.size());
  *size = GraphImage::bytes(row_count, links, upper_count, upper_lists);
  auto *bytes = static_cast<uint8_t *>(std::malloc(*size));
  if (bytes == nullptr) throw std::bad_alloc();

  const uint32_t entry = row_of(enterpoint_node_);
  GraphHeader header = {};
  std::memcpy(header.magic, GRAPH_MAGIC, sizeof header.magic);
  header.row_count = row_count;
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
      const uint32_t row = row_of(linked[i]);
      out[i] = layer == 0 ? row : upper_of[row];
    }
    std::fill(out + count, out + room, NO_LINK);
    out += room;
  };
  for (uint32_t row = 0; row < row_count; row++) write_list(element_of[row], 0, 2 * size_t{links});
  out = std::copy(upper_rows.begin(), upper_rows.end(), out);
  for (uint32_t row : upper_rows) *out++ = static_cast<uint32_t>(element_levels_[element_of[row]]);
  for (uint32_t row : upper_rows) {
    for (int layer = 1; layer <= element_levels_[element_of[row]]; layer++) write_list(element_of[row], layer, links);
  }
  return bytes;
}

}  // namespace illmrec
