// SPDX-License-Identifier: Apache-2.0

import Basics

/// What went wrong in a rollout, and what to do about it.
package struct RolloutError: CodedError {
  package enum Code: Sendable, Equatable {
    /// A stage or gate that cannot be.
    case invalidPlan
    /// The rollout has ended, or is not in the phase that the change needs.
    case wrongPhase
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?
  /// The part of what was given that is at fault, as a path in the contract's names; nil where it is the whole, or none of it.
  package let place: String?

  package init(_ code: Code, _ message: String, at place: String? = nil, cause: (any Error)? = nil) {
    self.place = place
    self.code = code
    self.message = message
    self.cause = cause
  }

  /// Messages tell their causes.
  package var description: String { message }
}
