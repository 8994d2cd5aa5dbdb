/// What went wrong in a rollout, and what to do about it.
package struct RolloutError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    /// A stage or gate that cannot be.
    case invalidPlan
    /// The rollout has ended, or is not in the phase that the change needs.
    case wrongPhase
  }

  package let code: Code

  /// The problem and its remedy, with the names and numbers they turn on.
  package let message: String

  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var description: String { message }
}
