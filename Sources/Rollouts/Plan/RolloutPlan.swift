// SPDX-License-Identifier: Apache-2.0

/// How a version comes to serve: through which stages, and what must hold on the way.
package struct RolloutPlan: Codable, Sendable, Equatable {
  package static let maxStages = 32

  package var stages: [Stage]
  package var gates: Gates
  /// How long outcomes are waited for, after an answer, before the answer counts.
  package var outcomeWindowMicros: Int64
  /// Whether the stable version answers a query that the candidate fails; it counts as the candidate's error all the same.
  package var fallsBackToStable: Bool

  package init(
    stages: [Stage], gates: Gates = Gates(), outcomeWindowMicros: Int64 = 600_000_000, fallsBackToStable: Bool = false
  ) {
    self.stages = stages
    self.gates = gates
    self.outcomeWindowMicros = outcomeWindowMicros
    self.fallsBackToStable = fallsBackToStable
  }

  /// Samples without which a stage does not end.
  package func requiredSamples(of stage: Stage) -> UInt64 {
    guard let own = stage.minSamples else { return gates.minSamples }
    return own == 0 ? 0 : max(own, gates.minSamples)
  }

  enum CodingKeys: String, CodingKey {
    case stages
    case gates
    case outcomeWindowMicros = "outcome_window_micros"
    case fallsBackToStable = "fallback_to_stable"
  }

  /// A step of a rollout: how much traffic meets the candidate, and how long at least.
  package struct Stage: Codable, Sendable, Equatable {
    /// Share of the routing keys that the candidate answers.
    package var canaryPermille: Int
    /// Share of the queries that are also searched in both versions, off the callers' path, to compare them.
    package var shadowPermille: Int
    /// The stage lasts at least so long; pauses, and the time in which no process runs, do not count.
    package var minMicros: Int64
    /// The stage lasts until the candidate has answered so many queries, or, where it answers nobody, was compared on so many.
    /// Nil, and what is less than the gates', is the gates' number; 0 is a stage that goes by time.
    package var minSamples: UInt64?
    /// Goes on by itself once the gates are open; otherwise waits for a person.
    package var isAutomatic: Bool

    package init(
      canaryPermille: Int, shadowPermille: Int = 0, minMicros: Int64 = 0, minSamples: UInt64? = nil,
      isAutomatic: Bool = true
    ) {
      self.canaryPermille = canaryPermille
      self.shadowPermille = shadowPermille
      self.minMicros = minMicros
      self.minSamples = minSamples
      self.isAutomatic = isAutomatic
    }

    enum CodingKeys: String, CodingKey {
      case canaryPermille = "canary_permille"
      case shadowPermille = "shadow_permille"
      case minMicros = "min_micros"
      case minSamples = "samples"
      case isAutomatic = "automatic"
    }
  }

  /// Refuses what no new rollout should follow.
  package func check() throws(RolloutError) {
    try checkStanding()
    try gates.checkAsNew()
    try checkThatOutcomesCount()
  }

  /// Refuses what no rollout can follow, and what no release has accepted: plans in files must pass for ever.
  func checkStanding() throws(RolloutError) {
    guard (1...Self.maxStages).contains(stages.count) else {
      throw RolloutError(
        .invalidPlan, "the plan has \(stages.count) stages; give it 1 to \(Self.maxStages)", at: "stages")
    }
    guard (0...(7 * 86_400 * 1_000_000)).contains(outcomeWindowMicros) else {
      throw RolloutError(.invalidPlan, "outcome_window must be between 0 and 7 days", at: "outcome_window")
    }
    for (number, stage) in stages.enumerated() { try check(stage, number: number) }
    try gates.check()
    try checkThatGatesMeasure()
  }

  private func checkThatGatesMeasure() throws(RolloutError) {
    if gates.minOverlap != nil, !stages.contains(where: { $0.shadowPermille > 0 }) {
      throw RolloutError(
        .invalidPlan, "the overlap gate has nothing to measure: no stage has shadow_permille; set it in the first",
        at: "gates.min_overlap")
    }
  }

  /// A gate for outcomes compares those of both versions, once their time is over.
  private func checkThatOutcomesCount() throws(RolloutError) {
    if gates.outcomes.isEmpty { return }
    guard stages.contains(where: \.hasBothArms) else {
      throw RolloutError(
        .invalidPlan,
        "gates.outcomes has nothing to measure: no stage has answers of both versions; give one a canary_permille between 1 and 999",
        at: "gates.outcomes")
    }
    guard outcomeWindowMicros > 0 else {
      throw RolloutError(
        .invalidPlan,
        "outcome_window is 0, in which no outcome can be reported, and gates.outcomes rests on them; give users time, such as 10 "
          + "minutes", at: "outcome_window")
    }
  }

  private func check(_ stage: Stage, number: Int) throws(RolloutError) {
    let shares = [("canary_permille", stage.canaryPermille), ("shadow_permille", stage.shadowPermille)]
    for (name, share) in shares where !(0...1000).contains(share) {
      throw RolloutError(
        .invalidPlan, "stages[\(number)].\(name) is \(share); it is a share of 1000", at: "stages[\(number)].\(name)")
    }
    guard stage.canaryPermille > 0 || stage.shadowPermille > 0 else {
      throw RolloutError(
        .invalidPlan, "stages[\(number)] sends the candidate nothing; set canary_permille or shadow_permille",
        at: "stages[\(number)].canary_permille")
    }
    try Gates.check(samples: stage.minSamples ?? 0, at: "stages[\(number)].min_samples")
    guard (0...(366 * 86_400 * 1_000_000)).contains(stage.minMicros) else {
      throw RolloutError(
        .invalidPlan, "stages[\(number)].min_duration must be between 0 and 366 days",
        at: "stages[\(number)].min_duration")
    }
    if number > 0, stage.canaryPermille < stages[number - 1].canaryPermille {
      throw RolloutError(
        .invalidPlan,
        "stages[\(number)].canary_permille is \(stage.canaryPermille), less than the \(stages[number - 1].canaryPermille) "
          + "before it: a share never shrinks on the way, so that no user goes to and fro",
        at: "stages[\(number)].canary_permille")
    }
  }
}
