// SPDX-License-Identifier: Apache-2.0

// The reader of HNSW graphs under any bytes: an open graph leads to rows that exist, each once, with an exact scan's
// scores. The first two bytes say how many rows there are, and of what length.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "harness.h"
#include "illmrec_graph.h"

namespace {

constexpr uint32_t most_rows = 32, most_dim = 8, k = 5;

std::vector<float> make_rows(uint32_t count, uint32_t dim) {
  std::vector<float> rows(size_t{count} * dim);
  uint32_t state = 1;
  for (float &value : rows) {
    state = state * 1664525 + 1013904223;
    value = static_cast<float>(state >> 24) / 64 - 2;
  }
  // Some rows are the same vector, and may be one node.
  for (uint32_t row = 4; row < count; row += 5) std::copy_n(rows.begin(), dim, rows.begin() + size_t{row} * dim);
  return rows;
}

bool go_on(void *, uint32_t) { return true; }

void search(const illmrec_graph *graph, const std::vector<float> &rows, uint32_t count, uint32_t dim) {
  illmrec_hit hits[k];
  illmrec_graph_answer answer = {};
  answer.hits = hits;
  illmrec_graph_query query = {};
  query.query.vector = rows.data();
  query.query.k = k;
  query.breadth = 16;
  query.budget = 1000;
  illmrec_graph_search(graph, &query, 1, nullptr, ILLMREC_ISA_PORTABLE, &answer);
  fuzz_require(answer.count <= std::min(k, count), "no more hits than rows");
  for (uint32_t i = 0; i < answer.count; i++) {
    fuzz_require(hits[i].row < count, "hits are rows");
    double exact = 0;
    for (uint32_t d = 0; d < dim; d++) exact += double{rows[d]} * rows[size_t{hits[i].row} * dim + d];
    fuzz_require(std::abs(exact - hits[i].score) < 1e-3, "scores are those of the rows");
    for (uint32_t j = 0; j < i; j++) fuzz_require(hits[j].row != hits[i].row, "each row once");
    if (i > 0) fuzz_require(hits[i - 1].score >= hits[i].score, "best first");
  }
}

}  // namespace

void fuzz_one(const uint8_t *bytes, size_t count) {
  if (count < 2) return;
  const uint32_t row_count = 1 + bytes[0] % most_rows, dim = 1 + bytes[1] % most_dim;
  const auto rows = make_rows(row_count, dim);
  // Aligned as a mapped file is.
  std::vector<uint64_t> file((count + 5) / 8 + 1);
  std::memcpy(file.data(), bytes + 2, count - 2);
  illmrec_graph *graph = nullptr;
  illmrec_graph_message message;
  const auto status = illmrec_graph_open(file.data(), count - 2, rows.data(), row_count, dim, &graph, &message);
  fuzz_require((status == ILLMREC_GRAPH_OK) == (graph != nullptr), "a graph, or why there is none");
  if (graph != nullptr) search(graph, rows, row_count, dim);
  illmrec_graph_close(graph);
}

void fuzz_make_seeds() {
  for (const uint32_t row_count : {1u, 3u, 20u, 32u}) {
    const uint32_t dim = 4;
    const auto rows = make_rows(row_count, dim);
    const illmrec_graph_parameters parameters = {.links = 2, .breadth = 8, .threads = 1, .nice = 0};
    void *bytes = nullptr;
    size_t size = 0;
    illmrec_graph_message message;
    illmrec_graph_build(rows.data(), row_count, dim, &parameters, go_on, nullptr, &bytes, &size, &message);
    fuzz_require(bytes != nullptr, "a graph is built");
    std::string seed = {static_cast<char>(row_count - 1), static_cast<char>(dim - 1)};
    seed.append(static_cast<const char *>(bytes), size);
    fuzz_seed(("rows-" + std::to_string(row_count)).c_str(), seed.data(), seed.size());
    illmrec_graph_free(bytes);
  }
}
