// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "distinct_rows.h"
#include "graph_image.h"
#include "illmrec_graph.h"
#include "row_codes.h"

namespace illmrec {

/// Zeroed memory in large pages where the system has them: searches read it at random, and with pages of 4 KiB wait for
/// addresses as long as for contents.
class LargePages {
 public:
  explicit LargePages(size_t bytes);
  ~LargePages();
  LargePages(const LargePages &) = delete;
  LargePages &operator=(const LargePages &) = delete;

  template <typename Element>
  Element *as() const {
    return static_cast<Element *>(address_);
  }

 private:
  void *address_;
  size_t bytes_;
};

/// What one search needs beside the graph; used by one at a time.
struct SearchScratch {
  SearchScratch(uint32_t node_count, uint32_t row_count) : visits(node_count), barred((size_t{row_count} + 63) / 64) {}

  /// A node the walk has come to, best first.
  struct Candidate {
    float distance;
    uint32_t node;
    bool expanded;
    bool eligible;
  };

  /// Whether the query, whose excluded rows are barred, may be answered with the row.
  bool allows(const illmrec_query &query, uint32_t row) const {
    return (barred[row / 64] >> (row % 64) & 1) == 0 &&
           (query.eligible == nullptr || (query.eligible[row / 64] >> (row % 64) & 1) != 0);
  }

  /// Equal to `visit`: the present search has met the node.
  std::vector<uint8_t> visits;
  uint8_t visit = 0;
  /// A bit for each row that the query excludes; none between searches.
  std::vector<uint64_t> barred;
  std::vector<Candidate> candidates;
  /// Rows to be scored.
  std::vector<uint32_t> found;
  /// With room to begin at a multiple of CODE_LINE.
  std::vector<int8_t> query;
};

/// A graph, the codes of its nodes, and searches.
class SearchableGraph {
 public:
  /// Copies what it needs of `image`; throws std::bad_alloc.
  SearchableGraph(const GraphImage &image, const float *rows);

  /// Searches for one query. Throws std::bad_alloc.
  void search(const illmrec_graph_query &query, const CodeProducts &products, illmrec_isa isa,
              illmrec_graph_answer &answer) const;

  static uint64_t bytes(uint32_t row_count, uint32_t dim, uint32_t links);

 private:
  class Walk;

  /// The best rows behind a finished walk's candidates.
  void collect(const illmrec_query &query, SearchScratch &scratch) const;
  std::unique_ptr<SearchScratch> borrow() const;
  void give_back(std::unique_ptr<SearchScratch> scratch) const;
  void score(const illmrec_query &query, const std::vector<uint32_t> &found, illmrec_isa isa,
             illmrec_graph_answer &answer) const;

  const float *rows_;
  uint32_t row_count_;
  uint32_t node_count_;
  uint32_t dim_;
  uint32_t base_room_;
  uint32_t links_;
  uint32_t entry_;
  size_t stride_;
  NodeRows rows_of_;
  LargePages codes_;
  LargePages scales_;
  LargePages base_links_;
  std::vector<uint32_t> upper_nodes_;
  std::vector<uint32_t> upper_layers_;
  /// Where each upper node's lists begin, in lists.
  std::vector<uint32_t> upper_begin_;
  std::vector<uint32_t> upper_links_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<SearchScratch>> free_;
};

}  // namespace illmrec
