// SPDX-License-Identifier: Apache-2.0

/// The answers of a rollout that outcomes can still be joined to: bounded in number and in time.
///
/// An answer counts once, when its time for outcomes is over: counting it earlier would make the arm whose traffic grew
/// lately look worse. What is forgotten earlier for want of room is not counted at all.
package struct ServedAnswers: Sendable {
  package enum Join: String, Sendable, CaseIterable {
    case counted
    /// The same outcome was reported before.
    case repeated
    /// No such answer: it never was, its time is over, or it was forgotten.
    case unknownAnswer
    /// The answer did not hold this item.
    case itemNotServed
  }

  /// An answer whose time for outcomes is over.
  package struct Settled: Sendable, Equatable {
    package let arm: Arm
    /// The rollout's stage in which it was given.
    package let stage: Int
    package let kinds: Set<String>
  }

  private struct Answer {
    let key: Key
    let arm: Arm
    let stage: Int
    let servedMicros: Int64
    /// Hashes of the item ids: 4 bytes instead of a text for each.
    let items: [UInt32]
    var reported: Set<Report> = []
  }

  private struct Key: Hashable {
    let requestID: String
    let queryID: String
  }

  private struct Report: Hashable {
    let kind: String
    let item: UInt32
  }

  /// Outcomes that are kept of one answer; further ones are taken as repeats.
  private static let maxReports = 64

  private let capacity: Int
  package let windowMicros: Int64
  /// Oldest first, from `first` on; the number of an answer is its index plus `removed`.
  private var answers: [Answer] = []
  private var first = 0
  private var removed = 0
  private var numbers: [Key: Int] = [:]
  /// Answers forgotten before their time was over.
  package private(set) var forgotten: UInt64 = 0

  package init(capacity: Int, windowMicros: Int64) {
    precondition(capacity > 0)
    self.capacity = capacity
    self.windowMicros = windowMicros
  }

  package var count: Int { answers.count - first }

  /// Remembers an answer. One of the same ids that is still remembered is kept instead: a repeated request is one answer.
  package mutating func remember(
    requestID: String, queryID: String, arm: Arm, stage: Int, items: [String], now: Int64
  ) {
    let key = Key(requestID: requestID, queryID: queryID)
    guard numbers[key] == nil else { return }
    if count == capacity {
      forgotten += 1
      _ = removeOldest()
    }
    numbers[key] = answers.count + removed
    answers.append(
      Answer(key: key, arm: arm, stage: stage, servedMicros: now, items: items.map(Self.hash)))
  }

  package mutating func report(
    requestID: String, queryID: String, item: String, kind: String
  ) -> Join {
    guard let number = numbers[Key(requestID: requestID, queryID: queryID)] else { return .unknownAnswer }
    let hash = Self.hash(item)
    guard answers[number - removed].items.contains(hash) else { return .itemNotServed }
    guard answers[number - removed].reported.count < Self.maxReports else { return .repeated }
    let isNew = answers[number - removed].reported.insert(Report(kind: kind, item: hash)).inserted
    return isNew ? .counted : .repeated
  }

  /// Takes out the answers whose time for outcomes is over.
  package mutating func settle(now: Int64) -> [Settled] {
    var settled: [Settled] = []
    while first < answers.count, answers[first].servedMicros + windowMicros <= now {
      let answer = removeOldest()
      settled.append(
        Settled(arm: answer.arm, stage: answer.stage, kinds: Set(answer.reported.map(\.kind))))
    }
    return settled
  }

  private mutating func removeOldest() -> Answer {
    let answer = answers[first]
    numbers[answer.key] = nil
    first += 1
    if first >= 1024, first * 2 >= answers.count {
      answers.removeFirst(first)
      removed += first
      first = 0
    }
    return answer
  }

  /// FNV-1a, 32 bits. Two of the items of one answer meet with a probability of a millionth or less; it only decides whether
  /// an outcome belongs to the answer.
  private static func hash(_ item: String) -> UInt32 {
    item.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }
}
