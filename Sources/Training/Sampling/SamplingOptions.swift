// SPDX-License-Identifier: Apache-2.0

package import Models

/// What a training run may choose about its samples.
package struct SamplingOptions: Sendable, Equatable {
  /// Newest items of a history that are read, at most.
  package var maxInteractions: Int
  package var spaces: [Space]
  /// Whether samples ask about the next item too.
  package var asksQuestions: Bool
  /// Decides everything that chance has a part in.
  package var seed: UInt64

  package init(
    maxInteractions: Int = 10, spaces: [Space] = Space.allCases, asksQuestions: Bool = true, seed: UInt64 = 1
  ) {
    self.maxInteractions = maxInteractions
    self.spaces = spaces
    self.asksQuestions = asksQuestions
    self.seed = seed
  }
}
