// SPDX-License-Identifier: Apache-2.0

package import Basics

/// Counts answers and what came of them, for one stage of a rollout, without remembering the answers.
///
/// An answer counts once, when its time for outcomes is over, whether it had one or not: counting it earlier would make the arm
/// whose traffic grew lately look worse. Answers are counted by arm in buckets of time, a 64th of the window each, and a bucket
/// counts when the windows of all its answers are over. An outcome brings its answer with it, and so finds the bucket. What is
/// remembered are the answers that had an outcome, so that each counts once for a kind, until their bucket counts.
///
/// Times are by a clock that nobody sets, and the ledger's own clock runs on from it where an earlier process's stood.
package struct OutcomeLedger: Sendable {
  /// Of one arm, from a bucket whose answers have had their time.
  package struct Settled: Sendable, Equatable {
    package let arm: Arm
    package let answers: UInt64
    /// Of those, how many had at least one outcome of a kind.
    package let outcomes: OutcomeCounts
  }

  /// An outcome of an answer: its kind's place among `kinds`, and the item.
  struct Report: Sendable, Hashable {
    let kind: UInt8
    let item: UInt32
  }

  struct Bucket: Sendable {
    var answers = [UInt64](repeating: 0, count: Arm.allCases.count)
    /// By arm and kind.
    var outcomes = [[UInt64]](repeating: [], count: Arm.allCases.count)
    /// By the answer's number.
    var reported: [UInt64: [Report]] = [:]
  }

  /// A time in which one process counted, by the ledger's clock.
  struct Epoch: Codable, Sendable, Equatable {
    let id: UInt64
    /// What was given later is not in the buckets; nil while it counts on.
    var throughMicros: Int64?
  }

  /// Outcomes that are told apart of one answer; further ones are not counted.
  static let maxReports = 64
  private static let bucketsPerWindow: Int64 = 64
  private static let minBucketMicros: Int64 = 10_000

  package let windowMicros: Int64
  let bucketMicros: Int64
  private let capacity: Int
  /// Kinds that always have room.
  private let reservedKinds: [Identifier]
  /// What the ledger's clock is ahead of the caller's.
  let offsetMicros: Int64

  private(set) var stage: Int
  private(set) var epochs: [Epoch]
  private(set) var kinds: [Identifier]
  private(set) var buckets: [Int64: Bucket] = [:]
  private(set) var forgottenThroughMicros = Int64.min
  private var reportedCount = 0
  private var nextNumber = UInt64.random(in: .min ... .max)
  /// Answers that count for no version because too many with outcomes had to be remembered.
  package private(set) var forgotten: UInt64 = 0

  /// - Parameters:
  ///   - capacity: answers with outcomes that are remembered. Beyond it the oldest bucket is forgotten, for both arms.
  ///   - kinds: that always have room among `StageEvidence.maxKinds`: those of gates.
  ///   - now: by a clock that nobody sets.
  package init(
    stage: Int, windowMicros: Int64, capacity: Int, kinds: [Identifier] = [], continuing saved: Saved? = nil, now: Int64
  ) {
    precondition(capacity > 0 && windowMicros >= 0)
    self.stage = stage
    self.windowMicros = windowMicros
    self.capacity = capacity
    bucketMicros = Self.bucketMicros(ofWindow: windowMicros)
    reservedKinds = kinds
    self.kinds = kinds
    epochs = []
    let saved = saved.flatMap { $0.isSound(stage: stage, windowMicros: windowMicros) ? $0 : nil }
    offsetMicros = (saved?.timeMicros ?? 0) - now
    if let saved { restore(saved) }
    epochs.append(Self.newEpoch())
  }

  static func bucketMicros(ofWindow windowMicros: Int64) -> Int64 {
    max(windowMicros / bucketsPerWindow, minBucketMicros)
  }

  /// Another stage begins: what is pending counts for none.
  package mutating func begin(stage: Int) {
    self.stage = stage
    kinds = reservedKinds
    buckets = [:]
    reportedCount = 0
    epochs = [Self.newEpoch()]
  }

  /// Counts an answer.
  package mutating func give(by arm: Arm, now: Int64) -> GivenAnswer {
    let time = now + offsetMicros
    buckets[time / bucketMicros, default: Bucket()].answers[arm.rawValue] += 1
    nextNumber &+= 1
    return GivenAnswer(
      arm: arm, stage: stage, epoch: epochs[epochs.count - 1].id, timeMicros: time, number: nextNumber)
  }

  /// Counts an outcome of an answer.
  package mutating func report(_ answer: GivenAnswer, item: UInt32, kind: Identifier, now: Int64) -> OutcomeJoin {
    let time = now + offsetMicros
    if answer.timeMicros <= time - windowMicros { return .expired }
    guard isMeasured(answer), let kind = place(of: kind) else { return .notMeasured }
    let key = answer.timeMicros / bucketMicros
    let before = buckets[key]?.reported[answer.number] ?? []
    let report = Report(kind: kind, item: item)
    if before.contains(report) { return .repeated }
    guard before.count < Self.maxReports else { return .notMeasured }
    if before.isEmpty {
      if reportedCount >= capacity { forgetOldest(now: time) }
      guard isMeasured(answer) else { return .notMeasured }
      reportedCount += 1
    }
    buckets[key]?.reported[answer.number, default: []].append(report)
    if !before.contains(where: { $0.kind == kind }) { buckets[key]?.count(kind, of: answer.arm) }
    return .counted
  }

  /// Takes out what has had its time.
  package mutating func settle(now: Int64) -> [Settled] {
    let time = now + offsetMicros
    let over = buckets.keys.filter { ($0 + 1) * bucketMicros <= time - windowMicros }.sorted()
    var settled: [Settled] = []
    for key in over {
      guard let bucket = buckets.removeValue(forKey: key) else { continue }
      reportedCount -= bucket.reported.count
      for arm in Arm.allCases where bucket.answers[arm.rawValue] > 0 {
        settled.append(
          Settled(arm: arm, answers: bucket.answers[arm.rawValue], outcomes: counts(bucket.outcomes[arm.rawValue])))
      }
    }
    epochs.removeAll { $0.throughMicros.map { $0 <= time - windowMicros } ?? false }
    return settled
  }

  // MARK: -

  private func isMeasured(_ answer: GivenAnswer) -> Bool {
    guard answer.stage == stage, answer.timeMicros > forgottenThroughMicros,
      let epoch = epochs.first(where: { $0.id == answer.epoch })
    else { return false }
    return answer.timeMicros <= epoch.throughMicros ?? .max && buckets[answer.timeMicros / bucketMicros] != nil
  }

  /// Nil where there is no room for another kind.
  private mutating func place(of kind: Identifier) -> UInt8? {
    if let place = kinds.firstIndex(of: kind) { return UInt8(place) }
    guard kinds.count < StageEvidence.maxKinds else { return nil }
    kinds.append(kind)
    return UInt8(kinds.count - 1)
  }

  private mutating func forgetOldest(now time: Int64) {
    guard let oldest = buckets.keys.min(), let bucket = buckets.removeValue(forKey: oldest) else { return }
    forgotten += bucket.answers.reduce(0, +)
    reportedCount -= bucket.reported.count
    forgottenThroughMicros = min((oldest + 1) * bucketMicros - 1, time)
  }

  private mutating func restore(_ saved: Saved) {
    epochs = saved.epochs
    kinds = saved.kinds.map(Identifier.init(_:))
    for kind in reservedKinds where !kinds.contains(kind) { kinds.append(kind) }
    forgottenThroughMicros = saved.forgottenThroughMicros ?? .min
    buckets = Dictionary(saved.buckets.map { ($0.number, $0.bucket) }, uniquingKeysWith: { first, _ in first })
    reportedCount = buckets.values.reduce(0) { $0 + $1.reported.count }
  }

  private func counts(_ byKind: [UInt64]) -> OutcomeCounts {
    zip(kinds, byKind).reduce(into: OutcomeCounts()) { counts, entry in
      if entry.1 > 0 { counts[entry.0] = entry.1 }
    }
  }

  private static func newEpoch() -> Epoch { Epoch(id: UInt64.random(in: .min ... .max)) }
}

extension OutcomeLedger.Bucket {
  fileprivate mutating func count(_ kind: UInt8, of arm: Arm) {
    let missing = Int(kind) + 1 - outcomes[arm.rawValue].count
    if missing > 0 { outcomes[arm.rawValue] += [UInt64](repeating: 0, count: missing) }
    outcomes[arm.rawValue][Int(kind)] += 1
  }
}
