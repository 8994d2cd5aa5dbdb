// SPDX-License-Identifier: Apache-2.0

/// A change of what serves, as the audit log keeps it.
package struct AuditEntry: Codable, Sendable, Equatable {
  package enum Action: String, Codable, Sendable, CaseIterable {
    case published
    case promoted
    case rolledBack = "rolled_back"
    case deleted
    case rolloutStarted = "rollout_started"
    case rolloutAdvanced = "rollout_advanced"
    case rolloutPaused = "rollout_paused"
    case rolloutResumed = "rollout_resumed"
    case rolloutSucceeded = "rollout_succeeded"
    case rolloutRolledBack = "rollout_rolled_back"
    /// Roles that a start had to give anew, because a version was broken.
    case recovered
  }

  /// Within the index, from 1, without gaps.
  package let number: UInt64
  /// Microseconds since 1970.
  package let timeMicros: Int64
  package let action: Action
  /// Name of the version it is about; empty when it is about none.
  package let version: String
  /// Who: the caller's identity where the server knows it, else as the caller says; or "rollout" for what a rollout does by itself.
  package let actor: String
  /// Why, as the caller or the gate says.
  package let reason: String
  /// What changed.
  package let detail: String
  /// The serving state's after the change.
  package let generation: UInt64
  package let requestID: String
  /// Who a caller whose identity is known says they are. Nil, and absent in the file, for all others.
  package var claimedActor: String?

  enum CodingKeys: String, CodingKey {
    case number
    case timeMicros = "time_unix_micros"
    case action
    case version
    case actor
    case reason
    case detail
    case generation
    case requestID = "request_id"
    case claimedActor = "claimed_actor"
  }
}
