// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "illmrec_search.h"

/// Approximate top-k by inner product: HNSW graphs (Malkov & Yashunin 2018) over row-major float32 vectors.
///
/// hnswlib builds the graph. It compares rows by their 8-bit codes (see `row_codes.h`), which are a quarter of the memory to
/// read, and so does a search; what a search found is scored again in float32 in the one order of `illmrec_search.h`. So
/// scores are an exact scan's, and the answers differ from its by rows that were missed.
///
/// Rows that are the same vector, bit for bit, are one node of the graph, with the rows behind it.
///
/// Dimension letters: N rows, D elements of a row, M links of a node (2M on the lowest layer).
///
/// No C++ exception crosses these functions, and nothing is global.

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  ILLMREC_GRAPH_OK = 0,
  /// The bytes are no graph of these rows, or an argument is out of its range.
  ILLMREC_GRAPH_INVALID = 1,
  ILLMREC_GRAPH_NO_MEMORY = 2,
  /// The progress function said so.
  ILLMREC_GRAPH_CANCELLED = 3,
  /// No thread could be started, or the library refused.
  ILLMREC_GRAPH_FAILED = 4,
} illmrec_graph_status;

/// Why a call failed, for people; empty when it did not.
typedef struct {
  char text[200];
} illmrec_graph_message;

enum {
  ILLMREC_GRAPH_LINKS_MIN = 2,
  ILLMREC_GRAPH_LINKS_MAX = 128,
  ILLMREC_GRAPH_BREADTH_MAX = 100000,
};

/// How a graph is built.
typedef struct {
  /// M: more find more and take more memory.
  uint32_t links;
  /// Candidates looked at for each row's links (ef_construction).
  uint32_t breadth;
  /// Threads that build, beside the caller's, which waits and reports.
  uint32_t threads;
  /// What is added to the threads' nice value, so that searches go first; 0 to 19.
  int32_t nice;
} illmrec_graph_parameters;

/// Told how many rows are in the graph, about ten times a second, on the thread that builds. False cancels.
typedef bool illmrec_graph_progress(void *context, uint32_t done);

/// Name and version of the library that builds, such as "hnswlib 0.6.2".
const char *illmrec_graph_library(void);

/// Most memory that `illmrec_graph_build` takes at a time, without the rows; UINT64_MAX on overflow.
uint64_t illmrec_graph_build_bytes(uint32_t row_count, uint32_t dim, uint32_t links);

/// Memory that an open graph takes, without the rows, beside one byte a row for each thread that searches; UINT64_MAX on
/// overflow.
uint64_t illmrec_graph_open_bytes(uint32_t row_count, uint32_t dim, uint32_t links);

/// Builds the graph of `rows` [row_count, dim], finite, and serialises it: *bytes holds *size bytes, to be freed with
/// `illmrec_graph_free`.
///
/// With one thread, equal rows and parameters give equal bytes; with more, which rows are linked depends on the order in
/// which the threads came to them, and only a row's layers do not.
///
/// Blocks until the threads have ended. On failure *bytes is NULL.
illmrec_graph_status illmrec_graph_build(const float *rows, uint32_t row_count, uint32_t dim,
                                         const illmrec_graph_parameters *parameters, illmrec_graph_progress *progress,
                                         void *context, void **bytes, size_t *size, illmrec_graph_message *message);

/// Whether the file that `illmrec_graph_build` made has fewer nodes than rows. Releases that know nothing of such files cannot
/// read them.
bool illmrec_graph_joins_rows(const void *bytes, size_t size);

/// Frees what `illmrec_graph_build` handed out; NULL is allowed.
void illmrec_graph_free(void *bytes);

/// A graph to search. Immutable: any threads may search it at the same time. Owned by the caller until
/// `illmrec_graph_close`.
typedef struct illmrec_graph illmrec_graph;

/// Opens a serialised graph of `rows`, which the caller keeps alive and unchanged as long as the graph; `bytes` may go.
/// Whatever the bytes are, an open graph leads only to rows that exist. On failure *graph is NULL.
illmrec_graph_status illmrec_graph_open(const void *bytes, size_t size, const float *rows, uint32_t row_count,
                                        uint32_t dim, illmrec_graph **graph, illmrec_graph_message *message);

/// No search may be running. NULL is allowed.
void illmrec_graph_close(illmrec_graph *graph);

/// One query.
typedef struct {
  /// What is searched for; its k is at least 1.
  illmrec_query query;
  /// Candidates kept (ef), in nodes, at least k: more find more and take longer.
  uint32_t breadth;
  /// Nodes to compare at most; beyond, the search ends without an answer.
  uint32_t budget;
} illmrec_graph_query;

/// What a query found.
typedef struct {
  /// [k] of the query, owned by the caller: highest score first, equal scores by row.
  illmrec_hit *hits;
  uint32_t count;
  /// Nodes that were compared by their codes.
  uint32_t compared;
  /// False when the budget or memory did not last, or filters took away too much: `hits` are none then.
  bool complete;
} illmrec_graph_answer;

/// Answers `count` queries, each on one thread of `team` (NULL: the caller's). Rows that a query excludes or does not allow
/// are passed through on the way and take no candidate's place; a walk that passes through more than half as many of them as
/// it keeps candidates ends without an answer, since it would miss too much.
void illmrec_graph_search(const illmrec_graph *graph, const illmrec_graph_query *queries, uint32_t count,
                          illmrec_team *team, illmrec_isa isa, illmrec_graph_answer *answers);

#ifdef __cplusplus
}
#endif
