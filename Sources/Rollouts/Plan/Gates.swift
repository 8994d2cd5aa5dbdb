// SPDX-License-Identifier: Apache-2.0

import Basics

/// What must hold of the candidate. A gate that fails rolls the rollout back, whether it is paused or not; one that holds keeps
/// the stage from ending.
package struct Gates: Codable, Sendable, Equatable {
  package static let maxOutcomes = 8
  /// Of an outcome's kind, in gates and in reports.
  package static let maxKindBytes = 64
  package static let maxSamples: UInt64 = 1_000_000_000_000

  /// Least mean overlap@k of the compared queries.
  package var minOverlap: Double?
  /// The candidate's error rate may be so many times the baseline's, or `errorRateFloor` where the baseline's is lower. Nil is no
  /// gate: who starts a rollout has to say so.
  package var maxErrorRatio: Double?
  /// The candidate's p99 of search time may be so many times the baseline's; below `latencyFloorMicros` there is no telling.
  package var maxLatencyRatio: Double?
  /// Nothing is judged on fewer samples than this, and no stage ends on fewer, unless it says 0 itself.
  package var minSamples: UInt64
  package var outcomes: [Outcome]
  /// Probability of ever being wrong, for each gate that rests on an interval: errors and outcomes.
  package var errorProbability: Double
  /// Whether no stage ends before it is proven that the error rate is not above what `maxErrorRatio` allows.
  package var isErrorNonInferiority = false
  /// Probability of ever holding a stage whose share of routing keys is as planned; 0 turns that gate off.
  package var sampleRatioErrorProbability = Gates.defaultSampleRatioErrorProbability

  package static let defaultSampleRatioErrorProbability = 1e-4
  package static let defaultMaxErrorRatio = 2.0
  /// A smaller one asks for trials without end, and its half may be 0.
  package static let minErrorProbability = 1e-12
  package static let errorRateFloor = 0.001
  package static let latencyFloorMicros = 1000.0

  package init(
    minOverlap: Double? = nil, maxErrorRatio: Double? = nil, maxLatencyRatio: Double? = nil, minSamples: UInt64 = 100,
    outcomes: [Outcome] = [], errorProbability: Double = 0.05
  ) {
    self.minOverlap = minOverlap
    self.maxErrorRatio = maxErrorRatio
    self.maxLatencyRatio = maxLatencyRatio
    self.minSamples = minSamples
    self.outcomes = outcomes
    self.errorProbability = errorProbability
  }

  /// A kind of outcome that the candidate must not lose.
  package struct Outcome: Codable, Sendable, Equatable {
    /// Such as "click".
    package var kind: String
    /// The rate may be lower by so much, absolutely; the gate fails once the interval proves a larger loss.
    package var maxDrop: Double
    /// The stage lasts until so many answers of each arm have had their time for outcomes; the gates' samples when that is more.
    package var minTrials: UInt64
    /// Whether no stage with both arms' answers ends before it is proven that the loss is not larger.
    package var isNonInferiority: Bool

    package init(kind: String, maxDrop: Double, minTrials: UInt64 = 0, isNonInferiority: Bool = false) {
      self.kind = kind
      self.maxDrop = maxDrop
      self.minTrials = minTrials
      self.isNonInferiority = isNonInferiority
    }

    enum CodingKeys: String, CodingKey {
      case kind
      case maxDrop = "max_drop"
      case minTrials = "min_trials"
      case isNonInferiority = "non_inferiority"
    }
  }

  enum CodingKeys: String, CodingKey {
    case minOverlap = "min_overlap"
    case maxErrorRatio = "max_error_ratio"
    case maxLatencyRatio = "max_latency_ratio"
    case minSamples = "min_samples"
    case outcomes
    case errorProbability = "error_probability"
    case isErrorNonInferiority = "error_non_inferiority"
    case sampleRatioErrorProbability = "sample_ratio_error_probability"
  }

  func check() throws(RolloutError) {
    try Self.check(samples: minSamples, at: "gates.min_samples")
    if let minOverlap, !(0...1).contains(minOverlap) {
      throw RolloutError(
        .invalidPlan, "gates.min_overlap is \(minOverlap); it is a share, 0 to 1", at: "gates.min_overlap")
    }
    for (name, ratio) in [("max_error_ratio", maxErrorRatio), ("max_latency_ratio", maxLatencyRatio)] {
      if let ratio, !(ratio >= 1 && ratio <= 1000) {
        throw RolloutError(
          .invalidPlan, "gates.\(name) is \(ratio); it must be between 1 and 1000", at: "gates.\(name)")
      }
    }
    guard errorProbability > 0, errorProbability <= 0.5 else {
      throw RolloutError(
        .invalidPlan, "gates.error_probability is \(errorProbability); it must be more than 0 and at most 0.5",
        at: "gates.error_probability")
    }
    guard (0...0.05).contains(sampleRatioErrorProbability) else {
      throw RolloutError(
        .invalidPlan,
        "gates.sample_ratio_error_probability is \(sampleRatioErrorProbability); it must be between 0, which turns the gate off, "
          + "and 0.05", at: "gates.sample_ratio_error_probability")
    }
    guard !isErrorNonInferiority || maxErrorRatio != nil else {
      throw RolloutError(
        .invalidPlan, "gates.error_non_inferiority needs gates.max_error_ratio, which says what must be proven",
        at: "gates.error_non_inferiority")
    }
    try checkOutcomes()
  }

  /// Refuses what a plan of an earlier release may still hold.
  func checkAsNew() throws(RolloutError) {
    guard errorProbability >= Self.minErrorProbability else {
      throw RolloutError(
        .invalidPlan, "gates.error_probability is \(errorProbability); it must be at least \(Self.minErrorProbability)",
        at: "gates.error_probability")
    }
    guard sampleRatioErrorProbability == 0 || sampleRatioErrorProbability >= Self.minErrorProbability else {
      throw RolloutError(
        .invalidPlan,
        "gates.sample_ratio_error_probability is \(sampleRatioErrorProbability); it must be 0, which turns the gate off, or at "
          + "least \(Self.minErrorProbability)", at: "gates.sample_ratio_error_probability")
    }
    for (number, outcome) in outcomes.enumerated() where outcome.kind.utf8.count > Self.maxKindBytes {
      throw RolloutError(
        .invalidPlan,
        "gates.outcomes[\(number)].kind has \(outcome.kind.utf8.count) bytes; outcomes are reported with 1 to \(Self.maxKindBytes)",
        at: "gates.outcomes[\(number)].kind")
    }
  }

  /// No number of samples that nobody can wait for: it would be a stage without an end.
  static func check(samples: UInt64, at place: String) throws(RolloutError) {
    guard samples <= maxSamples else {
      throw RolloutError(.invalidPlan, "\(place) is \(samples); it must be at most \(maxSamples)", at: place)
    }
  }

  private func checkOutcomes() throws(RolloutError) {
    guard outcomes.count <= Self.maxOutcomes else {
      throw RolloutError(
        .invalidPlan, "gates.outcomes has \(outcomes.count) entries; give it at most \(Self.maxOutcomes)",
        at: "gates.outcomes")
    }
    var kinds: Set<Identifier> = []
    for (number, outcome) in outcomes.enumerated() where !kinds.insert(Identifier(outcome.kind)).inserted {
      throw RolloutError(
        .invalidPlan,
        "gates.outcomes[\(number)] is of the kind '\(outcome.kind)', as another one is; give each kind one gate",
        at: "gates.outcomes[\(number)].kind")
    }
    for (number, outcome) in outcomes.enumerated() {
      try Self.check(samples: outcome.minTrials, at: "gates.outcomes[\(number)].min_trials")
    }
    for (number, outcome) in outcomes.enumerated()
    where !(0...1).contains(outcome.maxDrop) || outcome.kind.isEmpty {
      throw RolloutError(
        .invalidPlan, "gates.outcomes '\(outcome.kind)': give it a kind and a max_drop between 0 and 1",
        at: "gates.outcomes[\(number)].\(outcome.kind.isEmpty ? "kind" : "max_drop")")
    }
  }
}
