// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import Metrics
import PrometheusMetrics
import Synchronization

/// What EncoderService tells of its catalog at a scrape.
///
/// A scrape does not wait for the disk: it gets what the last look found, and has the store looked at again beside it when that is
/// older than a few seconds.
final class CatalogMetrics: Sendable {
  private struct State {
    var overview: ItemStore.Overview?
    var isLooking = false
    var lastLook: ContinuousClock.Instant?
  }

  private static let age = Duration.seconds(5)

  private let store: ItemStore
  private let state = Mutex(State())

  init(store: ItemStore) { self.store = store }

  func samples() -> [MetricSample] {
    let (overview, mustLook) = state.withLock { state in
      let isFresh = state.lastLook.map { $0.duration(to: .now) < Self.age } ?? false
      let mustLook = !isFresh && !state.isLooking
      state.isLooking = state.isLooking || mustLook
      return (state.overview, mustLook)
    }
    if mustLook { Task { await look() } }
    guard let overview else { return [] }
    return [
      MetricSample("illmrec_catalog_draft_items", [], Double(overview.draftItemCount)),
      MetricSample("illmrec_catalog_newest_snapshot", [], Double(overview.newest ?? 0)),
      MetricSample("illmrec_catalog_served_snapshot", [], Double(overview.released ?? 0)),
    ]
  }

  /// Where the store cannot be read, nothing is told: an old figure would be taken for a new one.
  func look() async {
    let overview = try? await store.overview()
    state.withLock { state in
      state.overview = overview
      state.isLooking = false
      state.lastLook = .now
    }
  }
}

/// Counts images by how their embeddings were had.
struct ImageCounters: Sendable {
  private let computed = Self.counter("computed")
  private let known = Self.counter("known")
  private let shared = Self.counter("shared")

  func count(computed: Int = 0, known: Int = 0, shared: Int = 0) {
    self.computed.increment(by: computed)
    self.known.increment(by: known)
    self.shared.increment(by: shared)
  }

  private static func counter(_ source: String) -> Counter {
    Counter(label: "illmrec_images_total", dimensions: [("source", source)])
  }
}
