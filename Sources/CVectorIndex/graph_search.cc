// SPDX-License-Identifier: Apache-2.0

#include "graph_search.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace illmrec {

LargePages::LargePages(size_t bytes) : bytes_(std::max<size_t>(bytes, 1)) {
  address_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address_ == MAP_FAILED) throw std::bad_alloc();
  madvise(address_, bytes_, MADV_HUGEPAGE);
}

LargePages::~LargePages() { munmap(address_, bytes_); }

SearchableGraph::SearchableGraph(const GraphImage &image, const float *rows)
    : rows_(rows),
      row_count_(image.header->row_count),
      node_count_(image.node_count),
      dim_(image.header->dim),
      base_room_(2 * image.header->links),
      links_(image.header->links),
      entry_(image.header->entry),
      stride_(code_stride(dim_)),
      rows_of_(image.nodes == nullptr ? NodeRows() : NodeRows(image.nodes, row_count_, node_count_)),
      codes_(node_count_ * stride_),
      scales_(node_count_ * sizeof(float)),
      base_links_(size_t{node_count_} * base_room_ * sizeof(uint32_t)),
      upper_nodes_(image.upper_nodes, image.upper_nodes + image.header->upper_count),
      upper_layers_(image.upper_layers, image.upper_layers + image.header->upper_count),
      upper_links_(image.upper_links, image.upper_links + size_t{image.header->upper_lists} * links_) {
  std::memcpy(base_links_.as<uint32_t>(), image.base_links, size_t{node_count_} * base_room_ * sizeof(uint32_t));
  uint32_t begin = 0;
  for (uint32_t layers : upper_layers_) {
    upper_begin_.push_back(begin);
    begin += layers;
  }
  const float longest = largest_magnitude(rows, size_t{row_count_} * dim_);
  for (uint32_t node = 0; node < node_count_; node++) {
    const float *x = rows + size_t{rows_of_.first(node)} * dim_;
    const float largest = largest_magnitude(x, dim_);
    encode_row(x, dim_, largest, codes_.as<uint8_t>() + node * stride_);
    scales_.as<float>()[node] = longest > 0 ? largest / longest : 0;
  }
}

uint64_t SearchableGraph::bytes(uint32_t row_count, uint32_t dim, uint32_t links) {
  return uint64_t{row_count} * (code_stride(dim) + sizeof(float) + 2 * sizeof(uint32_t)) +
         GraphImage::bytes(row_count, links, row_count / links, row_count / links * 2) + (uint64_t{6} << 20);
}

/// One query's way through the graph.
class SearchableGraph::Walk {
 public:
  Walk(const SearchableGraph &graph, const illmrec_graph_query &query, const CodeProducts &products,
       SearchScratch &scratch)
      : graph_(graph), query_(query), product_(products.with_query), scratch_(scratch) {
    scratch.query.resize(graph.stride_ + CODE_LINE);
    const auto address = reinterpret_cast<uintptr_t>(scratch.query.data());
    codes_ = scratch.query.data() + (CODE_LINE - address % CODE_LINE) % CODE_LINE;
    offset_ = CODE_ZERO * encode_query(query.query.vector, graph.dim_, codes_);
    lines_ = graph.stride_ / CODE_LINE;
    ahead_ = std::clamp<size_t>(PREFETCHED_LINES / lines_, 1, 8);
    if (++scratch.visit == 0) {
      std::fill(scratch.visits.begin(), scratch.visits.end(), uint8_t{0});
      scratch.visit = 1;
    }
    bar(true);
  }

  ~Walk() { bar(false); }

  /// Fills the candidates; false when the budget did not last, or the filters take away what lies around the query.
  bool run() {
    auto &candidates = scratch_.candidates;
    candidates.clear();
    eligible_ = 0;
    const uint32_t start = descend();
    scratch_.visits[start] = scratch_.visit;
    offer(start, distance(start));
    for (size_t at = 0; at < candidates.size();) {
      if (candidates[at].expanded) {
        at++;
        continue;
      }
      if (compared_ > query_.budget) return false;
      const uint32_t node = candidates[at].node;
      if (candidates[at].eligible) {
        candidates[at].expanded = true;
      } else {
        // It has shown its way, and is no answer. Where so many of the best are none, what is left lies too far apart for a
        // walk: it would miss a quarter of it.
        if (++passed_ > query_.breadth / 2) return false;
        candidates.erase(candidates.begin() + static_cast<ptrdiff_t>(at));
      }
      at = std::min(at, expand(node));
    }
    return true;
  }

  uint32_t compared() const { return compared_; }

 private:
  /// Lines of memory that are fetched ahead of the node compared; the best of those measured.
  static constexpr size_t PREFETCHED_LINES = 32;

  void bar(bool set) {
    for (size_t i = 0; i < query_.query.excluded_count; i++) {
      const uint32_t row = query_.query.excluded[i];
      const uint64_t bit = uint64_t{1} << (row % 64);
      if (set) {
        scratch_.barred[row / 64] |= bit;
      } else {
        scratch_.barred[row / 64] &= ~bit;
      }
    }
  }

  /// Whether a row of the node may be returned.
  bool is_eligible(uint32_t node) const {
    bool found = false;
    graph_.rows_of_.each(node, [&](uint32_t row) {
      found = scratch_.allows(query_.query, row);
      return !found;
    });
    return found;
  }

  float distance(uint32_t node) {
    compared_++;
    const int32_t product = product_(graph_.codes_.as<uint8_t>() + node * graph_.stride_, codes_, graph_.stride_);
    return -static_cast<float>(product - offset_) * graph_.scales_.as<float>()[node];
  }

  /// The node of the lowest layer at which the walk begins: on each layer above, the nearest that greed finds.
  uint32_t descend() {
    if (graph_.upper_nodes_.empty()) return graph_.entry_;
    uint32_t at = graph_.entry_;
    float nearest = distance(graph_.upper_nodes_[at]);
    for (uint32_t layer = graph_.upper_layers_[at]; layer > 0; layer--) {
      for (bool moved = true; moved;) {
        moved = false;
        const uint32_t *list =
            graph_.upper_links_.data() + (size_t{graph_.upper_begin_[at]} + layer - 1) * graph_.links_;
        for (uint32_t i = 0; i < graph_.links_ && list[i] != NO_LINK; i++) {
          const float other = distance(graph_.upper_nodes_[list[i]]);
          if (other >= nearest) continue;
          nearest = other;
          at = list[i];
          moved = true;
        }
      }
    }
    return graph_.upper_nodes_[at];
  }

  void prefetch(uint32_t node) const {
    const uint8_t *codes = graph_.codes_.as<uint8_t>() + node * graph_.stride_;
    for (size_t line = 0; line < std::min(lines_, PREFETCHED_LINES); line++)
      __builtin_prefetch(codes + line * CODE_LINE);
    __builtin_prefetch(graph_.scales_.as<float>() + node);
  }

  /// Compares the nodes that `node` links to and that were not met yet. Returns the best place one of them took.
  size_t expand(uint32_t node) {
    const uint32_t *list = graph_.base_links_.as<uint32_t>() + size_t{node} * graph_.base_room_;
    uint32_t fresh[2 * ILLMREC_GRAPH_LINKS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < graph_.base_room_ && list[i] != NO_LINK; i++) {
      if (scratch_.visits[list[i]] == scratch_.visit) continue;
      scratch_.visits[list[i]] = scratch_.visit;
      fresh[count++] = list[i];
    }
    for (size_t i = 0; i < std::min(ahead_, count); i++) prefetch(fresh[i]);
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
      if (i + ahead_ < count) prefetch(fresh[i + ahead_]);
      best = std::min(best, offer(fresh[i], distance(fresh[i])));
    }
    return best;
  }

  /// Takes a node among the candidates if it is good enough; returns its place.
  size_t offer(uint32_t node, float distance) {
    auto &candidates = scratch_.candidates;
    const bool full = eligible_ == query_.breadth;
    if (full && distance >= candidates.back().distance) return SIZE_MAX;
    const auto place = std::upper_bound(
        candidates.begin(), candidates.end(), distance,
        [](float distance, const SearchScratch::Candidate &candidate) { return distance < candidate.distance; });
    const size_t at = static_cast<size_t>(place - candidates.begin());
    const bool eligible = is_eligible(node);
    candidates.insert(place, {distance, node, false, eligible});
    eligible_ += eligible;
    if (eligible_ > query_.breadth) {
      candidates.pop_back();
      eligible_--;
      // The last is an answer: what is behind the worst answer leads nowhere.
      while (!candidates.back().eligible) candidates.pop_back();
    }
    __builtin_prefetch(graph_.base_links_.as<uint32_t>() + size_t{node} * graph_.base_room_, 0, 2);
    return at;
  }

  const SearchableGraph &graph_;
  const illmrec_graph_query &query_;
  int32_t (*product_)(const uint8_t *, const int8_t *, size_t);
  SearchScratch &scratch_;
  int8_t *codes_;
  int32_t offset_;
  size_t lines_;
  size_t ahead_;
  uint32_t compared_ = 0;
  uint32_t passed_ = 0;
  uint32_t eligible_ = 0;
};

void SearchableGraph::search(const illmrec_graph_query &query, const CodeProducts &products, illmrec_isa isa,
                             illmrec_graph_answer &answer) const {
  std::unique_ptr<SearchScratch> scratch = borrow();
  {
    Walk walk(*this, query, products, *scratch);
    answer.complete = walk.run();
    answer.compared = walk.compared();
    if (answer.complete) collect(query.query, *scratch);
  }
  if (answer.complete) {
    score(query.query, scratch->found, isa, answer);
  }
  give_back(std::move(scratch));
}

void SearchableGraph::collect(const illmrec_query &query, SearchScratch &scratch) const {
  // Codes put a node a few places off at most: the best by codes hold the best by scores.
  size_t nodes = size_t{2} * query.k + 32;
  scratch.found.clear();
  for (const SearchScratch::Candidate &candidate : scratch.candidates) {
    if (!candidate.eligible) continue;
    if (nodes-- == 0) break;
    // Rows of one vector have one score, and of equal scores the first rows come first.
    uint32_t taken = 0;
    rows_of_.each(candidate.node, [&](uint32_t row) {
      if (!scratch.allows(query, row)) return true;
      scratch.found.push_back(row);
      return ++taken < query.k;
    });
  }
}

void SearchableGraph::score(const illmrec_query &query, const std::vector<uint32_t> &found, illmrec_isa isa,
                            illmrec_graph_answer &answer) const {
  illmrec_query alone = {};
  alone.vector = query.vector;
  alone.k = std::max<uint32_t>(1, std::min(query.k, static_cast<uint32_t>(found.size())));
  illmrec_scan *scan = illmrec_scan_create(rows_, row_count_, dim_, nullptr, &alone, 1, nullptr, isa);
  if (scan == nullptr) throw std::bad_alloc();
  illmrec_scan_list(scan, 0, found.data(), found.size());
  answer.count = illmrec_scan_finish(scan, 0, answer.hits);
  illmrec_scan_destroy(scan);
}

std::unique_ptr<SearchScratch> SearchableGraph::borrow() const {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!free_.empty()) {
      std::unique_ptr<SearchScratch> scratch = std::move(free_.back());
      free_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<SearchScratch>(node_count_, row_count_);
}

void SearchableGraph::give_back(std::unique_ptr<SearchScratch> scratch) const {
  std::lock_guard<std::mutex> lock(mutex_);
  free_.push_back(std::move(scratch));
}

}  // namespace illmrec
