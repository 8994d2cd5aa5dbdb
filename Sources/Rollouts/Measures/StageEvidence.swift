// SPDX-License-Identifier: Apache-2.0

package import Basics

/// Which of the two versions of a rollout.
package enum Arm: Int, Sendable, CaseIterable, Codable {
  case baseline
  case candidate
}

/// What was seen of a stage: sketches and counts, of bounded size however long it lasts.
///
/// Each stage begins afresh: with the share the mix of traffic changes, and figures of both together could show a difference
/// that neither has.
package struct StageEvidence: Sendable, Equatable {
  /// Kinds of outcomes that are counted; further ones are not.
  package static let maxKinds = 16

  /// Queries that a version answered to callers.
  package struct Served: Sendable, Equatable {
    package var queries: UInt64 = 0
    package var errors: UInt64 = 0
    /// The errors by their reasons; further reasons than `maxKinds` are counted as "OTHER".
    package var failures: [String: UInt64] = [:]
    /// Of the errors, those whose queries the other version answered instead.
    package var fallbacks: UInt64 = 0
    /// Microseconds of the pass over the vectors that answered; waiting not counted.
    package var searchMicros = QuantileSketch()
    /// Answers whose time for outcomes has passed.
    package var settled: UInt64 = 0
    /// Of those, how many had at least one outcome of the kind.
    package var outcomes = OutcomeCounts()

    package func trials(of kind: String) -> Trials { Trials(count: settled, successes: outcomes[Identifier(kind)]) }
  }

  /// Queries that were searched in both versions, off the callers' path.
  package struct Compared: Sendable, Equatable {
    package var overlap = RunningMean()
    package var rankBiasedOverlap = RunningMean()
    package var scoreDrift = RunningMean()
    /// Microseconds of CPU of each search, on one thread.
    package var baselineMicros = QuantileSketch()
    package var candidateMicros = QuantileSketch()
    /// Searches that failed, by version. A search that took too long counts.
    package var baselineErrors: UInt64 = 0
    package var candidateErrors: UInt64 = 0
    /// Not compared because too many waited.
    package var dropped: UInt64 = 0

    /// Searches of the candidate, failed ones included.
    package var candidateSearches: UInt64 { candidateMicros.count + candidateErrors }
    package var baselineSearches: UInt64 { baselineMicros.count + baselineErrors }
  }

  package private(set) var served = [Served](repeating: Served(), count: Arm.allCases.count)
  package private(set) var compared = Compared()
  /// Different routing keys of the callers' queries; successes are the candidate's.
  package private(set) var routedKeys = Trials()
  /// How often callers met failures, and how often comparisons did, by version.
  private var callerTrials = [FailureTrials](repeating: FailureTrials(), count: Arm.allCases.count)
  private var comparisonTrials = [FailureTrials](repeating: FailureTrials(), count: Arm.allCases.count)
  /// What callers met of the baseline in earlier stages. The baseline is one version throughout, so that the mix of traffic says
  /// nothing against it.
  package let baselineFailuresBefore: Trials

  /// - Parameter baselineFailuresBefore: as an earlier process counted it.
  package init(baselineFailuresBefore: Trials = Trials()) { self.baselineFailuresBefore = baselineFailuresBefore }

  /// Of the baseline, this stage's included.
  package var allBaselineFailures: Trials { baselineFailuresBefore + callerFailures(of: .baseline).all }

  /// Of the stage after another one.
  package init(after before: StageEvidence) {
    baselineFailuresBefore = before.allBaselineFailures
    callerTrials = before.callerTrials.map { FailureTrials(after: $0.recent) }
    comparisonTrials = before.comparisonTrials.map { FailureTrials(after: $0.recent) }
  }

  package subscript(arm: Arm) -> Served { served[arm.rawValue] }

  /// - Parameter seen: what the query is among the user windows; by default one of a user of its own.
  package mutating func noteServed(
    by arm: Arm, micros: Double, seen: UserWindows.Sighting = .alone(isFailure: false)
  ) {
    served[arm.rawValue].queries += 1
    served[arm.rawValue].searchMicros.add(micros)
    callerTrials[arm.rawValue].note(seen)
  }

  package mutating func noteFailed(
    by arm: Arm, reason: String = "OTHER", fellBack: Bool = false, seen: UserWindows.Sighting = .alone(isFailure: true)
  ) {
    callerTrials[arm.rawValue].note(seen)
    if fellBack { served[arm.rawValue].fallbacks += 1 }
    served[arm.rawValue].queries += 1
    served[arm.rawValue].errors += 1
    let known = served[arm.rawValue].failures
    let name = known[reason] != nil || known.count < Self.maxKinds ? reason : "OTHER"
    served[arm.rawValue].failures[name, default: 0] += 1
  }

  /// - Parameter comparison: nil where the answers cannot tell how the versions rank: both searches went well, and that is all.
  package mutating func noteCompared(
    _ comparison: RankedListComparison?, baselineMicros: Double, candidateMicros: Double,
    seen: (Arm) -> UserWindows.Sighting = { _ in .alone(isFailure: false) }
  ) {
    for arm in Arm.allCases { comparisonTrials[arm.rawValue].note(seen(arm)) }
    compared.baselineMicros.add(baselineMicros)
    compared.candidateMicros.add(candidateMicros)
    guard let comparison else { return }
    compared.overlap.add(comparison.overlap)
    compared.rankBiasedOverlap.add(comparison.rankBiasedOverlap)
    compared.scoreDrift.add(comparison.scoreDrift)
  }

  package mutating func noteComparisonFailed(in arm: Arm, seen: UserWindows.Sighting = .alone(isFailure: true)) {
    comparisonTrials[arm.rawValue].note(seen)
    switch arm {
    case .baseline: compared.baselineErrors += 1
    case .candidate: compared.candidateErrors += 1
    }
  }

  /// Another window begins: what was open in the last one has not failed.
  package mutating func closeWindow() {
    for arm in Arm.allCases {
      callerTrials[arm.rawValue].closeWindow()
      comparisonTrials[arm.rawValue].closeWindow()
    }
  }

  package mutating func noteDropped(_ count: Int = 1) { compared.dropped += UInt64(count) }

  /// The stable version has answered in place of the candidate, whose error was counted already.
  package mutating func noteFallback() { served[Arm.candidate.rawValue].fallbacks += 1 }

  /// An answer's time for outcomes has passed.
  package mutating func noteSettled(by arm: Arm, kinds: Set<Identifier>) {
    served[arm.rawValue].settled += 1
    for kind in kinds where isCounted(kind) { served[arm.rawValue].outcomes[kind] += 1 }
  }

  /// The time for outcomes has passed of all answers of a bucket.
  package mutating func noteSettled(_ settled: OutcomeLedger.Settled) {
    served[settled.arm.rawValue].settled += settled.answers
    for kind in OutcomeCounts.kinds(of: [settled.outcomes]) where isCounted(kind) {
      served[settled.arm.rawValue].outcomes[kind] += settled.outcomes[kind]
    }
  }

  /// Kinds of outcomes that were met, in order.
  package var kinds: [String] { OutcomeCounts.kinds(of: served.map(\.outcomes)).map(\.text) }

  private func isCounted(_ kind: Identifier) -> Bool {
    let known = OutcomeCounts.kinds(of: served.map(\.outcomes))
    return known.contains(kind) || known.count < Self.maxKinds
  }

  /// What the minimum of samples is counted in: the callers' queries that the candidate answered, or, where it answers nobody,
  /// those that it was compared on. A failure is no sample.
  package func samples(in stage: RolloutPlan.Stage) -> UInt64 {
    stage.canaryPermille > 0 ? self[.candidate].queries - self[.candidate].errors : compared.overlap.count
  }

  /// A routing key was met for the first time in the stage.
  package mutating func noteKey(of arm: Arm) {
    routedKeys.count += 1
    if arm == .candidate { routedKeys.successes += 1 }
  }

  /// What callers met of a version, in user windows.
  package func callerFailures(of arm: Arm) -> FailureTrials { callerTrials[arm.rawValue] }

  /// What comparisons met of a version, in user windows.
  package func comparisonFailures(of arm: Arm) -> FailureTrials { comparisonTrials[arm.rawValue] }

  /// Searches of a version in the stage that failed, those off the callers' path included.
  package func errors(of arm: Arm) -> UInt64 {
    self[arm].errors + (arm == .baseline ? compared.baselineErrors : compared.candidateErrors)
  }

  /// Search times of both versions under the same conditions where there are any: the comparisons', else the callers'.
  package var searchMicros: (baseline: QuantileSketch, candidate: QuantileSketch) {
    compared.candidateMicros.count > 0
      ? (compared.baselineMicros, compared.candidateMicros)
      : (self[.baseline].searchMicros, self[.candidate].searchMicros)
  }
}
