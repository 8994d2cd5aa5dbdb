// SPDX-License-Identifier: Apache-2.0

#include "graph_image.h"

#include <cstring>
#include <string>
#include <vector>

#include "illmrec_graph.h"

namespace illmrec {
namespace {

[[noreturn]] void refuse(const std::string &why) { throw InvalidGraph(why); }

void check_header(const GraphHeader &header, uint32_t row_count, uint32_t dim) {
  if (!header.joins_rows() && std::memcmp(header.magic, GRAPH_MAGIC, sizeof GRAPH_MAGIC) != 0) {
    refuse("it does not begin as a graph does");
  }
  if (header.row_count != row_count || header.dim != dim) {
    refuse("it is of " + std::to_string(header.row_count) + " rows of length " + std::to_string(header.dim) +
           ", the vectors are " + std::to_string(row_count) + " of length " + std::to_string(dim));
  }
  if (header.joins_rows() && (header.node_count == 0 || header.node_count > row_count)) {
    refuse("it has " + std::to_string(header.node_count) + " nodes for " + std::to_string(row_count) + " rows");
  }
  if (header.links < ILLMREC_GRAPH_LINKS_MIN || header.links > ILLMREC_GRAPH_LINKS_MAX) {
    refuse("it has " + std::to_string(header.links) + " links a row");
  }
}

// A list of links ends at the first unused place.
void check_list(const uint32_t *list, uint32_t room, uint32_t limit, const char *layer, uint32_t node) {
  bool ended = false;
  for (uint32_t i = 0; i < room; i++) {
    if (list[i] == NO_LINK) {
      ended = true;
    } else if (ended || list[i] >= limit) {
      refuse(std::string("link ") + std::to_string(i) + " of node " + std::to_string(node) + " on " + layer +
             " leads nowhere");
    }
  }
}

void check_upper_nodes(const GraphImage &image) {
  const GraphHeader &header = *image.header;
  if (header.upper_count > image.node_count) refuse("it has more upper nodes than nodes");
  uint64_t lists = 0;
  uint32_t most = 0;
  for (uint32_t u = 0; u < header.upper_count; u++) {
    if (image.upper_nodes[u] >= image.node_count || (u > 0 && image.upper_nodes[u] <= image.upper_nodes[u - 1])) {
      refuse("its upper nodes are not in order");
    }
    if (image.upper_layers[u] == 0) refuse("an upper node is on no upper layer");
    lists += image.upper_layers[u];
    most = image.upper_layers[u] > most ? image.upper_layers[u] : most;
  }
  if (lists != header.upper_lists) refuse("its upper layers do not add up");
  const uint32_t entries = header.upper_count > 0 ? header.upper_count : image.node_count;
  if (header.entry >= entries || (header.upper_count > 0 && image.upper_layers[header.entry] != most)) {
    refuse("its entry is not on the uppermost layer");
  }
}

void check_upper_links(const GraphImage &image) {
  const GraphHeader &header = *image.header;
  const uint32_t *list = image.upper_links;
  for (uint32_t u = 0; u < header.upper_count; u++) {
    for (uint32_t layer = 1; layer <= image.upper_layers[u]; layer++, list += header.links) {
      check_list(list, header.links, header.upper_count, "an upper layer", image.upper_nodes[u]);
      for (uint32_t i = 0; i < header.links && list[i] != NO_LINK; i++) {
        if (image.upper_layers[list[i]] < layer) refuse("a link leads to a node that is not on its layer");
      }
    }
  }
}

// Nodes are numbered as their first rows are, so that each has one.
void check_nodes(const GraphImage &image) {
  uint32_t met = 0;
  for (uint32_t row = 0; row < image.header->row_count; row++) {
    if (image.nodes[row] > met || image.nodes[row] >= image.node_count) {
      refuse("row " + std::to_string(row) + " has no node of its vector");
    }
    if (image.nodes[row] == met) met++;
  }
  if (met != image.node_count) refuse("a node has no row");
}

}  // namespace

bool GraphHeader::joins_rows() const {
  return std::memcmp(magic, DISTINCT_GRAPH_MAGIC, sizeof DISTINCT_GRAPH_MAGIC) == 0;
}

size_t GraphImage::bytes(uint32_t node_count, uint32_t links, uint32_t upper_count, uint32_t upper_lists) {
  // 2^32 rows of 256 links are 2^42 bytes at most.
  const uint64_t words = uint64_t{node_count} * 2 * links + 2 * uint64_t{upper_count} + uint64_t{upper_lists} * links;
  return sizeof(GraphHeader) + words * sizeof(uint32_t);
}

GraphImage GraphImage::read(const void *bytes, size_t size, uint32_t row_count, uint32_t dim) {
  if (size < sizeof(GraphHeader)) refuse("it is cut off in its header");
  GraphImage image;
  image.header = static_cast<const GraphHeader *>(bytes);
  const GraphHeader &header = *image.header;
  check_header(header, row_count, dim);
  const bool has_nodes = header.joins_rows();
  image.node_count = has_nodes ? header.node_count : header.row_count;
  const size_t expected = GraphImage::bytes(image.node_count, header.links, header.upper_count, header.upper_lists) +
                          (has_nodes ? size_t{row_count} * sizeof(uint32_t) : 0);
  if (size != expected) refuse("it has " + std::to_string(size) + " bytes, not " + std::to_string(expected));
  image.base_links = reinterpret_cast<const uint32_t *>(image.header + 1);
  image.upper_nodes = image.base_links + size_t{image.node_count} * 2 * header.links;
  image.upper_layers = image.upper_nodes + header.upper_count;
  image.upper_links = image.upper_layers + header.upper_count;
  image.nodes = has_nodes ? image.upper_links + size_t{header.upper_lists} * header.links : nullptr;
  for (uint32_t node = 0; node < image.node_count; node++) {
    check_list(image.base_links + size_t{node} * 2 * header.links, 2 * header.links, image.node_count,
               "the lowest layer", node);
  }
  check_upper_nodes(image);
  check_upper_links(image);
  if (has_nodes) check_nodes(image);
  return image;
}

}  // namespace illmrec
