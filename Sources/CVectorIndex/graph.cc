// SPDX-License-Identifier: Apache-2.0

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>

#include "graph_builder.h"
#include "graph_image.h"
#include "graph_search.h"
#include "illmrec_graph.h"

// The C face: exceptions end here.

struct illmrec_graph {
  illmrec::SearchableGraph graph;
};

namespace {

void say(illmrec_graph_message *message, const char *text) {
  if (message != nullptr) std::snprintf(message->text, sizeof message->text, "%s", text);
}

template <typename Body>
illmrec_graph_status guarded(illmrec_graph_message *message, Body body) noexcept {
  say(message, "");
  try {
    return body();
  } catch (const std::bad_alloc &) {
    say(message, "no memory");
    return ILLMREC_GRAPH_NO_MEMORY;
  } catch (const illmrec::InvalidGraph &invalid) {
    say(message, invalid.what());
    return ILLMREC_GRAPH_INVALID;
  } catch (const std::exception &exception) {
    say(message, exception.what());
    return ILLMREC_GRAPH_FAILED;
  } catch (...) {
    say(message, "an unknown failure");
    return ILLMREC_GRAPH_FAILED;
  }
}

bool is_sound(uint32_t row_count, uint32_t dim, const illmrec_graph_parameters *parameters) {
  return row_count > 0 && row_count < UINT32_MAX && dim > 0 && dim <= 65536 &&
         parameters->links >= ILLMREC_GRAPH_LINKS_MIN && parameters->links <= ILLMREC_GRAPH_LINKS_MAX &&
         parameters->breadth > 0 && parameters->breadth <= ILLMREC_GRAPH_BREADTH_MAX && parameters->threads > 0 &&
         parameters->nice >= 0 && parameters->nice <= 19;
}

struct SearchJob {
  const illmrec_graph *graph;
  const illmrec_graph_query *queries;
  const illmrec::CodeProducts &products;
  illmrec_isa isa;
  illmrec_graph_answer *answers;
};

void search_some(void *context, size_t begin, size_t end, size_t) {
  const auto *job = static_cast<const SearchJob *>(context);
  for (size_t i = begin; i < end; i++) {
    illmrec_graph_answer &answer = job->answers[i];
    answer.count = 0;
    answer.compared = 0;
    answer.complete = false;
    const illmrec_graph_status status = guarded(nullptr, [&] {
      job->graph->graph.search(job->queries[i], job->products, job->isa, answer);
      return ILLMREC_GRAPH_OK;
    });
    if (status != ILLMREC_GRAPH_OK) answer.complete = false;
  }
}

}  // namespace

const char *illmrec_graph_library(void) { return "hnswlib 0.6.2"; }

uint64_t illmrec_graph_build_bytes(uint32_t row_count, uint32_t dim, uint32_t links) {
  return illmrec::build_bytes(row_count, dim, links);
}

uint64_t illmrec_graph_open_bytes(uint32_t row_count, uint32_t dim, uint32_t links) {
  return illmrec::SearchableGraph::bytes(row_count, dim, links);
}

illmrec_graph_status illmrec_graph_build(const float *rows, uint32_t row_count, uint32_t dim,
                                         const illmrec_graph_parameters *parameters, illmrec_graph_progress *progress,
                                         void *context, void **bytes, size_t *size, illmrec_graph_message *message) {
  *bytes = nullptr;
  *size = 0;
  return guarded(message, [&] {
    if (!is_sound(row_count, dim, parameters)) throw illmrec::InvalidGraph("an argument is out of its range");
    *bytes = illmrec::build_graph(
        rows, row_count, dim, *parameters, [&](uint32_t done) { return progress(context, done); }, size);
    return *bytes == nullptr ? ILLMREC_GRAPH_CANCELLED : ILLMREC_GRAPH_OK;
  });
}

bool illmrec_graph_joins_rows(const void *bytes, size_t size) {
  return size >= sizeof(illmrec::GraphHeader) && static_cast<const illmrec::GraphHeader *>(bytes)->joins_rows();
}

void illmrec_graph_free(void *bytes) { std::free(bytes); }

illmrec_graph_status illmrec_graph_open(const void *bytes, size_t size, const float *rows, uint32_t row_count,
                                        uint32_t dim, illmrec_graph **graph, illmrec_graph_message *message) {
  *graph = nullptr;
  return guarded(message, [&] {
    const illmrec::GraphImage image = illmrec::GraphImage::read(bytes, size, row_count, dim);
    *graph = new illmrec_graph{illmrec::SearchableGraph(image, rows)};
    return ILLMREC_GRAPH_OK;
  });
}

void illmrec_graph_close(illmrec_graph *graph) { delete graph; }

void illmrec_graph_search(const illmrec_graph *graph, const illmrec_graph_query *queries, uint32_t count,
                          illmrec_team *team, illmrec_isa isa, illmrec_graph_answer *answers) {
  SearchJob job = {graph, queries, illmrec::code_products(isa), isa, answers};
  illmrec_team_run(team, count, 1, search_some, &job);
}
