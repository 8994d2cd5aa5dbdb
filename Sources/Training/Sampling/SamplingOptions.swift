// SPDX-License-Identifier: Apache-2.0

package import Models

/// Which part of a user's sequence a sample's history is.
package enum SampledHistories: String, CaseIterable, Sendable {
  /// A window of it, half of them of fewer than 5 items, with the item after it as the target; as published.
  case windows
  /// What came before the target, of which the newest items are read. Each item but a sequence's first is the target as often as the others.
  case prefixes
}

/// What a training run may choose about its samples.
package struct SamplingOptions: Sendable, Equatable {
  /// Newest items of a history that are read, at most.
  package var maxInteractions: Int
  package var histories: SampledHistories
  package var spaces: [Space]
  /// Whether samples ask about the next item too.
  package var asksQuestions: Bool
  /// Decides everything that chance has a part in.
  package var seed: UInt64

  package init(
    maxInteractions: Int = 10, histories: SampledHistories = .windows, spaces: [Space] = Space.allCases,
    asksQuestions: Bool = true, seed: UInt64 = 1
  ) {
    self.maxInteractions = maxInteractions
    self.histories = histories
    self.spaces = spaces
    self.asksQuestions = asksQuestions
    self.seed = seed
  }
}
