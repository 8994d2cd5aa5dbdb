// SPDX-License-Identifier: Apache-2.0

import Basics

extension OutcomeLedger {
  /// What a file keeps of a ledger, so that outcomes of answers from before a restart count.
  ///
  /// Of answers without an outcome it holds numbers alone. A process that ends without writing has given answers that are in no
  /// bucket; their epoch says until when its answers are.
  package struct Saved: Codable, Sendable, Equatable {
    let stage: Int
    let windowMicros: Int64
    let timeMicros: Int64
    let epochs: [Epoch]
    let kinds: [String]
    let forgottenThroughMicros: Int64?
    let buckets: [Bucket]

    enum CodingKeys: String, CodingKey {
      case stage
      case windowMicros = "window_micros"
      case timeMicros = "time_micros"
      case epochs
      case kinds
      case forgottenThroughMicros = "forgotten_through_micros"
      case buckets
    }

    struct Bucket: Codable, Sendable, Equatable {
      let number: Int64
      /// By arm, and by arm and kind.
      let answers: [UInt64]
      let outcomes: [[UInt64]]
      /// For each answer with outcomes its number, how many there are, and each of them: kind · 2³² + item.
      let reported: [UInt64]
    }
  }

  /// What is pending now.
  package func saved(now: Int64) -> Saved {
    let time = now + offsetMicros
    return Saved(
      stage: stage, windowMicros: windowMicros, timeMicros: time,
      epochs: epochs.map { Epoch(id: $0.id, throughMicros: $0.throughMicros ?? time) }, kinds: kinds.map(\.text),
      forgottenThroughMicros: forgottenThroughMicros == .min ? nil : forgottenThroughMicros,
      buckets: buckets.sorted { $0.key < $1.key }.map { Saved.Bucket(number: $0.key, $0.value) })
  }
}

extension OutcomeLedger.Saved {
  /// 36,000 years.
  private static let mostMicros: Int64 = 1 << 60

  /// Whether it is of this stage, and can be what a ledger wrote.
  func isSound(stage: Int, windowMicros: Int64) -> Bool {
    let numbers = 0...max(timeMicros, 0) / OutcomeLedger.bucketMicros(ofWindow: windowMicros)
    return self.stage == stage && self.windowMicros == windowMicros && kinds.count <= StageEvidence.maxKinds
      && (0...Self.mostMicros).contains(timeMicros)
      && buckets.allSatisfy { numbers.contains($0.number) && $0.isSound(kinds: kinds.count) }
  }
}

extension OutcomeLedger.Saved.Bucket {
  init(number: Int64, _ bucket: OutcomeLedger.Bucket) {
    self.number = number
    answers = bucket.answers
    outcomes = bucket.outcomes
    reported = bucket.reported.sorted { $0.key < $1.key }.flatMap { answer, reports in
      [answer, UInt64(reports.count)] + reports.map { UInt64($0.kind) << 32 | UInt64($0.item) }
    }
  }

  var bucket: OutcomeLedger.Bucket {
    var bucket = OutcomeLedger.Bucket()
    bucket.answers = answers
    bucket.outcomes = outcomes
    var at = 0
    while at + 1 < reported.count {
      let end = at + 2 + Int(reported[at + 1])
      bucket.reported[reported[at]] = reported[at + 2..<end].map {
        OutcomeLedger.Report(kind: UInt8($0 >> 32), item: UInt32(truncatingIfNeeded: $0))
      }
      at = end
    }
    return bucket
  }

  /// A trillion, so that no sum of buckets overflows.
  private static let mostAnswers: UInt64 = 1 << 40

  fileprivate func isSound(kinds: Int) -> Bool {
    guard answers.count == Arm.allCases.count, outcomes.count == answers.count,
      zip(answers, outcomes).allSatisfy({ answers, byKind in
        answers <= Self.mostAnswers && byKind.count <= kinds && byKind.allSatisfy { $0 <= answers }
      })
    else { return false }
    var at = 0
    while at < reported.count {
      guard at + 1 < reported.count, reported[at + 1] <= UInt64(OutcomeLedger.maxReports) else { return false }
      let end = at + 2 + Int(reported[at + 1])
      guard end <= reported.count, reported[at + 2..<end].allSatisfy({ $0 >> 32 < UInt64(kinds) }) else { return false }
      at = end
    }
    return true
  }
}
