// SPDX-License-Identifier: Apache-2.0

/// The second way to report an outcome, without a token: answers by the ids of their request and query, bounded in number and in time.
///
/// What is forgotten is only the way to the answer: the ledger counts it all the same.
package struct RememberedAnswers: Sendable {
  package struct Answer: Sendable, Equatable {
    package let given: GivenAnswer
    package let items: [UInt32]

    package init(given: GivenAnswer, items: [UInt32]) {
      self.given = given
      self.items = items
    }
  }

  private struct Entry {
    let key: AnswerKey
    let answer: Answer
    let untilMicros: Int64
  }

  private let capacity: Int
  private let windowMicros: Int64
  /// Oldest first, from `first` on; the number of an entry is its index plus `removed`.
  private var entries: [Entry] = []
  private var first = 0
  private var removed = 0
  private var numbers: [AnswerKey: Int] = [:]
  /// Answers forgotten before their time was over.
  package private(set) var forgotten: UInt64 = 0

  package init(capacity: Int, windowMicros: Int64) {
    precondition(capacity > 0)
    self.capacity = capacity
    self.windowMicros = windowMicros
  }

  package var count: Int { entries.count - first }

  /// The answer to this query of this request, as long as it is remembered.
  package func answer(to key: AnswerKey) -> Answer? { numbers[key].map { entries[$0 - removed].answer } }

  /// Remembers an answer, unless one of the same ids is remembered: that one is found by them until its time is over.
  ///
  /// - Parameter now: by a clock that nobody sets.
  package mutating func remember(_ answer: Answer, to key: AnswerKey, now: Int64) {
    guard numbers[key] == nil else { return }
    if count == capacity {
      forgotten += 1
      removeOldest()
    }
    numbers[key] = entries.count + removed
    entries.append(Entry(key: key, answer: answer, untilMicros: now + windowMicros))
  }

  /// Forgets the answers whose time for outcomes is over.
  package mutating func expire(now: Int64) {
    while first < entries.count, entries[first].untilMicros <= now { removeOldest() }
  }

  private mutating func removeOldest() {
    numbers[entries[first].key] = nil
    first += 1
    if first >= 1024, first * 2 >= entries.count {
      entries.removeFirst(first)
      removed += first
      first = 0
    }
  }
}
