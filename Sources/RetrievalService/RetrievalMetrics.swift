// SPDX-License-Identifier: Apache-2.0

import Basics
import Metrics
import PrometheusMetrics
import Rollouts
import ServiceSupport
import VectorIndex

/// What RetrievalService tells at a scrape: the versions that there are, and how rollouts stand. Read from memory.
struct RetrievalMetrics: Sendable {
  let store: VersionStore
  let monitor: RolloutMonitor

  func samples() -> [MetricSample] {
    store.indexNames.flatMap { index -> [MetricSample] in
      guard let versions = try? store.versions(of: index), let serving = try? store.servingState(of: index) else {
        return []
      }
      return samples(of: versions, serving, index: index) + rollout(of: serving, index: index)
    }
  }

  private func samples(of versions: [ListedVersion], _ serving: ServingState, index: String) -> [MetricSample] {
    let items = versions.flatMap { version in
      let roles = version.roles.isEmpty ? ["none"] : version.roles.map(\.rawValue)
      return roles.map { role in
        MetricSample(
          "illmrec_index_version_items",
          [("index", index), ("version", "\(version.info.name.number)"), ("role", role)], Double(version.info.itemCount)
        )
      }
    }
    return items + [MetricSample("illmrec_index_generation", [("index", index)], Double(serving.generation))]
  }

  /// Of the last rollout; nothing where there was none.
  private func rollout(of serving: ServingState, index: String) -> [MetricSample] {
    guard let rollout = serving.rollout else { return [] }
    let phases = Rollout.Phase.allCases.map { phase in
      MetricSample(
        "illmrec_rollout_phase", [("index", index), ("phase", phase.rawValue)], phase == rollout.phase ? 1 : 0)
    }
    let stage = rollout.currentStage
    let shares = [("canary", stage.canaryPermille), ("shadow", stage.shadowPermille)].map { kind, permille in
      MetricSample(
        "illmrec_rollout_share_ratio", [("index", index), ("kind", kind)],
        rollout.isActive ? Double(permille) / 1000 : 0)
    }
    let number = rollout.isActive ? rollout.stage + 1 : 0
    return phases + shares + [MetricSample("illmrec_rollout_stage", [("index", index)], Double(number))]
      + gates(of: rollout, index: index)
  }

  /// Read outside of the lock that searches take: the evidence is copied first.
  private func gates(of rollout: Rollout, index: String) -> [MetricSample] {
    guard rollout.isActive, let live = monitor.live(of: index), live.number == rollout.number else { return [] }
    let evidence = live.snapshot.evidence
    return rollout.plan.gates.readings(of: evidence, in: rollout.currentStage).flatMap { reading in
      // The kind of an outcome is anybody's text, and a scrape is read on terminals too.
      let labels = [("index", index), ("gate", VisibleText.of(reading.gate.description))]
      let states = GateReading.Verdict.allCases.map { verdict in
        MetricSample(
          "illmrec_gate_state", labels + [("state", verdict.rawValue)], verdict == reading.verdict ? 1 : 0)
      }
      let value = reading.measurement.value.map { [MetricSample("illmrec_gate_value", labels, $0)] } ?? []
      return states + value + [
        MetricSample("illmrec_gate_threshold", labels, reading.measurement.bound),
        MetricSample("illmrec_gate_samples", labels, Double(reading.measurement.samples)),
      ]
    }
  }
}

/// Counts what became of the comparisons of one index.
struct ComparisonCounters: Sendable {
  private let done: Counter
  private let failed: Counter
  private let dropped: Counter

  init(index: String) {
    func counter(_ result: String) -> Counter {
      Counter(label: "illmrec_shadow_comparisons_total", dimensions: [("index", index), ("result", result)])
    }
    (done, failed, dropped) = (counter("done"), counter("failed"), counter("dropped"))
  }

  func count(_ comparison: Comparison) {
    switch comparison {
    case .done: done.increment()
    case .failed: failed.increment()
    case .dropped: dropped.increment()
    }
  }

  func countDropped(_ count: Int) { dropped.increment(by: count) }
}

/// Counts outcomes by what became of them.
enum OutcomeCounters {
  private static let counters = Dictionary(
    uniqueKeysWithValues: OutcomeJoin.allCases.map { join in
      (join, Counter(label: "illmrec_outcomes_total", dimensions: [("result", join.metricName)]))
    })

  static func count(_ joined: [OutcomeJoin: UInt32]) {
    for (join, count) in joined { counters[join]?.increment(by: count) }
  }
}

extension OutcomeJoin {
  /// As the response calls it.
  fileprivate var metricName: String {
    switch self {
    case .counted: "counted"
    case .repeated: "repeated"
    case .unknownAnswer: "unknown_request"
    case .itemNotServed: "item_not_served"
    case .invalidToken: "invalid_token"
    case .foreignToken: "foreign_token"
    case .otherIndex: "other_index"
    case .expired: "expired"
    case .notMeasured: "not_measured"
    }
  }
}
