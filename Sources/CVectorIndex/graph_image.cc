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
  if (std::memcmp(header.magic, GRAPH_MAGIC, sizeof GRAPH_MAGIC) != 0) refuse("it does not begin as a graph does");
  if (header.row_count != row_count || header.dim != dim) {
    refuse("it is of " + std::to_string(header.row_count) + " rows of length " + std::to_string(header.dim) +
           ", the vectors are " + std::to_string(row_count) + " of length " + std::to_string(dim));
  }
  if (header.links < ILLMREC_GRAPH_LINKS_MIN || header.links > ILLMREC_GRAPH_LINKS_MAX) {
    refuse("it has " + std::to_string(header.links) + " links a row");
  }
  if (header.upper_count > row_count) refuse("it has more upper rows than rows");
}

// A list of links ends at the first unused place.
void check_list(const uint32_t *list, uint32_t room, uint32_t limit, const char *layer, uint32_t row) {
  bool ended = false;
  for (uint32_t i = 0; i < room; i++) {
    if (list[i] == NO_LINK) {
      ended = true;
    } else if (ended || list[i] >= limit) {
      refuse(std::string("link ") + std::to_string(i) + " of row " + std::to_string(row) + " on " + layer +
             " leads nowhere");
    }
  }
}

void check_upper_rows(const GraphImage &image) {
  const GraphHeader &header = *image.header;
  uint64_t lists = 0;
  uint32_t most = 0;
  for (uint32_t u = 0; u < header.upper_count; u++) {
    if (image.upper_rows[u] >= header.row_count || (u > 0 && image.upper_rows[u] <= image.upper_rows[u - 1])) {
      refuse("its upper rows are not in order");
    }
    if (image.upper_layers[u] == 0) refuse("an upper row is on no upper layer");
    lists += image.upper_layers[u];
    most = image.upper_layers[u] > most ? image.upper_layers[u] : most;
  }
  if (lists != header.upper_lists) refuse("its upper layers do not add up");
  const uint32_t entries = header.upper_count > 0 ? header.upper_count : header.row_count;
  if (header.entry >= entries || (header.upper_count > 0 && image.upper_layers[header.entry] != most)) {
    refuse("its entry is not on the uppermost layer");
  }
}

void check_upper_links(const GraphImage &image) {
  const GraphHeader &header = *image.header;
  const uint32_t *list = image.upper_links;
  for (uint32_t u = 0; u < header.upper_count; u++) {
    for (uint32_t layer = 1; layer <= image.upper_layers[u]; layer++, list += header.links) {
      check_list(list, header.links, header.upper_count, "an upper layer", image.upper_rows[u]);
      for (uint32_t i = 0; i < header.links && list[i] != NO_LINK; i++) {
        if (image.upper_layers[list[i]] < layer) refuse("a link leads to a row that is not on its layer");
      }
    }
  }
}

}  // namespace

size_t GraphImage::bytes(uint32_t row_count, uint32_t links, uint32_t upper_count, uint32_t upper_lists) {
  // 2^32 rows of 256 links are 2^42 bytes at most.
  const uint64_t words = uint64_t{row_count} * 2 * links + 2 * uint64_t{upper_count} + uint64_t{upper_lists} * links;
  return sizeof(GraphHeader) + words * sizeof(uint32_t);
}

GraphImage GraphImage::read(const void *bytes, size_t size, uint32_t row_count, uint32_t dim) {
  if (size < sizeof(GraphHeader)) refuse("it is cut off in its header");
  GraphImage image;
  image.header = static_cast<const GraphHeader *>(bytes);
  const GraphHeader &header = *image.header;
  check_header(header, row_count, dim);
  const size_t expected = GraphImage::bytes(row_count, header.links, header.upper_count, header.upper_lists);
  if (size != expected) refuse("it has " + std::to_string(size) + " bytes, not " + std::to_string(expected));
  image.base_links = reinterpret_cast<const uint32_t *>(image.header + 1);
  image.upper_rows = image.base_links + size_t{row_count} * 2 * header.links;
  image.upper_layers = image.upper_rows + header.upper_count;
  image.upper_links = image.upper_layers + header.upper_count;
  for (uint32_t row = 0; row < row_count; row++) {
    check_list(image.base_links + size_t{row} * 2 * header.links, 2 * header.links, row_count, "the lowest layer", row);
  }
  check_upper_rows(image);
  check_upper_links(image);
  return image;
}

}  // namespace illmrec
