// SPDX-License-Identifier: Apache-2.0

/// An answer as the ledger knows it: with it an outcome can be joined, and nothing has to be remembered of the answer.
package struct GivenAnswer: Sendable, Hashable {
  package let arm: Arm
  /// The rollout's stage in which it was given.
  package let stage: Int
  /// Of the ledger that counted it.
  package let epoch: UInt64
  /// By that ledger's clock.
  package let timeMicros: Int64
  /// Tells the answers of an epoch apart.
  package let number: UInt64

  package init(arm: Arm, stage: Int, epoch: UInt64, timeMicros: Int64, number: UInt64) {
    self.arm = arm
    self.stage = stage
    self.epoch = epoch
    self.timeMicros = timeMicros
    self.number = number
  }
}

/// What became of a reported outcome.
package enum OutcomeJoin: Sendable, Hashable, CaseIterable {
  case counted
  /// The same outcome was reported before.
  case repeated
  /// No such answer is remembered by the ids of its request: it never was, its time is over, or it was forgotten.
  case unknownAnswer
  /// The answer did not hold this item.
  case itemNotServed
  /// The token is none of this software's, or was changed.
  case invalidToken
  /// The token was signed with another key.
  case foreignToken
  /// The token is of an answer from another index.
  case otherIndex
  /// The answer's time for outcomes is over.
  case expired
  /// The figures do not hold the answer, or no outcome of this kind: another stage or rollout, a process that ended before it wrote
  /// down that it gave the answer, no room.
  case notMeasured
}

/// What an item is in tokens and in memory: 4 bytes instead of its id.
package enum ItemHash {
  /// FNV-1a, 32 bits. Two of the items of one answer meet with a probability of a millionth or less; it only decides whether
  /// an outcome belongs to the answer.
  package static func of(_ item: String) -> UInt32 {
    item.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }
}
