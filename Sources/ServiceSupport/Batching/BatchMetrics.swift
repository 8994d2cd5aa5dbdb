// SPDX-License-Identifier: Apache-2.0

import Metrics

/// Metrics of one ``Batcher``; its name is the dimension `batcher`.
struct BatchMetrics: Sendable {
  private let batchSize: Recorder
  private let computeTime: Timer
  private let queueTime: Timer
  private let queueCost: Gauge
  private let refusals: Counter

  init(name: String) {
    let dimensions = [("batcher", name)]
    batchSize = Recorder(label: "illmrec_batch_size", dimensions: dimensions)
    computeTime = Timer(label: "illmrec_batch_compute_seconds", dimensions: dimensions)
    queueTime = Timer(label: "illmrec_batch_queue_seconds", dimensions: dimensions)
    queueCost = Gauge(label: "illmrec_batch_queue_cost", dimensions: dimensions)
    refusals = Counter(label: "illmrec_batch_refusals_total", dimensions: dimensions)
  }

  func refused() {
    refusals.increment()
  }

  func queuedCost(_ cost: Int) {
    queueCost.record(cost)
  }

  func waited(_ time: Duration) {
    queueTime.record(duration: time)
  }

  func computed(batch count: Int, in time: Duration, queuedCost: Int) {
    batchSize.record(count)
    computeTime.record(duration: time)
    queueCost.record(queuedCost)
  }
}
