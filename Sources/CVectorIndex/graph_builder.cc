// SPDX-License-Identifier: Apache-2.0

#include "graph_builder.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "graph_image.h"
#include "library_graph.h"

namespace illmrec {
namespace {

/// Distinct rows on their way into a graph, and the threads that bring them.
class Build {
 public:
  Build(const float *rows, uint32_t row_count, uint32_t dim, const illmrec_graph_parameters &parameters)
      : rows_(rows),
        dim_(dim),
        nice_(parameters.nice),
        distinct_(DistinctRows::of(rows, row_count, dim)),
        node_count_(static_cast<uint32_t>(distinct_.first.size())),
        node_rows_(distinct_.nodes.data(), row_count, node_count_),
        space_(dim, largest_magnitude(rows, size_t{row_count} * dim)),
        graph_(&space_, node_count_, parameters) {
    // The node on the most layers goes first: no other changes where searches begin, which would hold up all threads.
    for (uint32_t node = 1; node < node_count_; node++) {
      if (LibraryGraph::upper_layers(node, parameters.links) > LibraryGraph::upper_layers(first_, parameters.links)) {
        first_ = node;
      }
    }
    std::vector<uint8_t> data;
    add(first_, data);
  }

  ~Build() { join(); }

  /// False when `progress` ended it.
  bool run(uint32_t threads, const std::function<bool(uint32_t)> &progress) {
    start(threads);
    std::unique_lock<std::mutex> lock(mutex_);
    bool goes_on = true;
    while (goes_on && working_ > 0) {
      thread_ended_.wait_for(lock, std::chrono::milliseconds(100));
      lock.unlock();
      goes_on = progress(added_.load(std::memory_order_relaxed));
      lock.lock();
    }
    lock.unlock();
    join();
    if (error_) std::rethrow_exception(error_);
    return goes_on;
  }

  void *serialized(size_t *size) const { return graph_.serialized(distinct_, dim_, size); }

 private:
  // Signals are for the threads that the process starts itself.
  void start(uint32_t threads) {
    sigset_t all, former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    try {
      for (uint32_t i = 0; i < threads; i++) {
        std::lock_guard<std::mutex> lock(mutex_);
        threads_.emplace_back([this] { work(); });
        working_++;
      }
    } catch (...) {
      // Fewer threads do the same work.
      if (threads_.empty()) error_ = std::current_exception();
    }
    pthread_sigmask(SIG_SETMASK, &former, nullptr);
  }

  void join() {
    stopping_ = true;
    for (std::thread &thread : threads_) thread.join();
    threads_.clear();
  }

  void work() noexcept {
    pthread_setname_np(pthread_self(), "illmrec-graph");
    // A thread has a nice value of its own. Where it may not be raised, the build is merely less polite.
    const auto thread = static_cast<id_t>(syscall(SYS_gettid));
    setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + nice_);
    std::exception_ptr error;
    try {
      std::vector<uint8_t> data;
      for (uint64_t node; !stopping_.load(std::memory_order_relaxed) && (node = next_.fetch_add(1)) < node_count_;) {
        if (node != first_) add(static_cast<uint32_t>(node), data);
      }
    } catch (...) {
      error = std::current_exception();
      stopping_ = true;
    }
    std::lock_guard<std::mutex> lock(mutex_);
    if (error && !error_) error_ = error;
    working_--;
    thread_ended_.notify_one();
  }

  void add(uint32_t node, std::vector<uint8_t> &data) {
    space_.encode(rows_ + size_t{distinct_.first[node]} * dim_, data);
    graph_.add(node, data);
    added_.fetch_add(node_rows_.count(node), std::memory_order_relaxed);
  }

  const float *rows_;
  const uint32_t dim_;
  const int nice_;
  const DistinctRows distinct_;
  const uint32_t node_count_;
  const NodeRows node_rows_;
  CodeSpace space_;
  LibraryGraph graph_;
  uint32_t first_ = 0;
  std::atomic<bool> stopping_{false};
  // 64 bits, so that no number of threads takes it round.
  std::atomic<uint64_t> next_{0};
  /// Rows whose nodes are in the graph.
  std::atomic<uint32_t> added_{0};
  std::mutex mutex_;
  std::condition_variable thread_ended_;
  uint32_t working_ = 0;
  std::exception_ptr error_;
  std::vector<std::thread> threads_;
};

}  // namespace

void *build_graph(const float *rows, uint32_t row_count, uint32_t dim, const illmrec_graph_parameters &parameters,
                  const std::function<bool(uint32_t)> &progress, size_t *size) {
  Build build(rows, row_count, dim, parameters);
  return build.run(parameters.threads, progress) ? build.serialized(size) : nullptr;
}

uint64_t build_bytes(uint32_t row_count, uint32_t dim, uint32_t links) {
  // The library's element and what it keeps beside: a mutex, a label's place in a hash table, a layer, marks of visits.
  const uint64_t element = (2 * uint64_t{links} + 1) * sizeof(uint32_t) + code_stride(dim) + 16 + 160;
  // One row in `links` is on a layer more; then everything once more as bytes.
  const uint64_t upper = 2 * (uint64_t{links} + 2) * sizeof(uint32_t) / links + 8;
  return uint64_t{row_count} * (element + 2 * upper) + DistinctRows::bytes(row_count) +
         GraphImage::bytes(row_count, links, 0, 0) + (uint64_t{4} << 20);
}

}  // namespace illmrec
