// SPDX-License-Identifier: Apache-2.0

/// What was measured of a rollout over its time, for people to look at.
package struct RolloutReport: Codable, Sendable, Equatable {
  /// Beyond it every second point goes.
  package static let maxPoints = 480

  package var rollout: Rollout
  package private(set) var points: [Point] = []
  /// Between two points; doubles when points go.
  package private(set) var intervalMicros: Int64 = 1_000_000
  /// What waits for its time for outcomes to pass; nil in reports of earlier releases, and of rollouts that have ended.
  package private(set) var pendingOutcomes: OutcomeLedger.Saved?
  /// What callers met of the baseline in all stages, in user windows: a start in a stage that gives it few users, or none, would know
  /// nothing of how often it fails. Nil in reports of earlier releases.
  package var baselineFailures: Trials?

  package init(rollout: Rollout) { self.rollout = rollout }

  /// The report as a file keeps it.
  package func holding(_ pending: OutcomeLedger.Saved?) -> RolloutReport {
    var report = self
    report.pendingOutcomes = pending
    return report
  }

  /// The evidence of the present stage at one moment.
  package struct Point: Codable, Sendable, Equatable {
    /// Microseconds since 1970: to show.
    package var timeMicros: Int64
    /// By the steady clock of the process that measured; nil in reports of earlier releases.
    package var steadyMicros: Int64?
    package var stage: Int
    package var canaryPermille: Int
    package var baseline: Served
    package var candidate: Served
    package var compared: UInt64
    package var dropped: UInt64
    package var overlap: Double
    package var rankBiasedOverlap: Double
    package var scoreDrift: Double
    /// What the gates measured; nil in reports of earlier releases.
    package var gates: [GateRecord]?

    /// What a gate said at the moment, without its words.
    package struct GateRecord: Codable, Sendable, Equatable {
      package var gate: Gate
      package var verdict: GateReading.Verdict
      package var measurement: GateReading.Measurement
    }

    package struct Served: Codable, Sendable, Equatable {
      package var queries: UInt64
      package var errors: UInt64
      /// Search time in microseconds: of the comparisons where there are any, else of the callers' searches.
      package var p50: Double
      package var p99: Double
      package var settled: UInt64
      package var outcomes: OutcomeCounts
      /// Errors of callers' queries by reason; nil in reports of earlier releases.
      package var failures: [String: UInt64]?
    }

    package init(_ evidence: StageEvidence, of rollout: Rollout, now: Moment) {
      let (baseline, candidate) = evidence.searchMicros
      timeMicros = now.wallMicros
      steadyMicros = now.steadyMicros
      stage = rollout.stage
      canaryPermille = rollout.currentStage.canaryPermille
      self.baseline = Served(evidence[.baseline], evidence.errors(of: .baseline), baseline)
      self.candidate = Served(evidence[.candidate], evidence.errors(of: .candidate), candidate)
      compared = evidence.compared.overlap.count
      dropped = evidence.compared.dropped
      overlap = evidence.compared.overlap.mean
      rankBiasedOverlap = evidence.compared.rankBiasedOverlap.mean
      scoreDrift = evidence.compared.scoreDrift.mean
      gates = rollout.plan.gates.readings(of: evidence, in: rollout.currentStage).map {
        GateRecord(gate: $0.gate, verdict: $0.verdict, measurement: $0.measurement)
      }
    }
  }

  /// Whether the last point of the stage is as old as the interval, so that a point of now would be kept.
  package func isDue(stage: Int, now: Moment) -> Bool {
    guard let last = points.last, last.stage == stage, let before = last.steadyMicros, now.steadyMicros >= before
    else { return true }
    return now.steadyMicros - before >= intervalMicros
  }

  /// Adds a point, unless the last one of the stage is younger than the interval. `isLast` adds it in any case.
  package mutating func add(_ point: Point, isLast: Bool = false) {
    if !isLast, let last = points.last, last.stage == point.stage, let time = point.micros(since: last),
      time < intervalMicros
    {
      return
    }
    points.append(point)
    guard points.count > Self.maxPoints else { return }
    intervalMicros *= 2
    points = points.indices.filter { $0 % 2 == 0 || $0 == points.count - 1 }.map { points[$0] }
  }
}

extension RolloutReport.Point {
  /// Nil where another process measured the other point.
  fileprivate func micros(since other: Self) -> Int64? {
    guard let steadyMicros, let before = other.steadyMicros, steadyMicros >= before else { return nil }
    return steadyMicros - before
  }
}

extension RolloutReport.Point.Served {
  fileprivate init(_ served: StageEvidence.Served, _ errors: UInt64, _ searchMicros: QuantileSketch) {
    queries = served.queries
    self.errors = errors
    p50 = searchMicros.quantile(0.5) ?? 0
    p99 = searchMicros.quantile(0.99) ?? 0
    settled = served.settled
    outcomes = served.outcomes
    failures = served.failures
  }
}
