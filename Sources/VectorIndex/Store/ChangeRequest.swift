// SPDX-License-Identifier: Apache-2.0

/// Who asks for a change, why, and under which conditions.
package struct ChangeRequest: Sendable, Equatable {
  /// Of each text.
  package static let maxTextBytes = 1024

  /// Who: a person's or a machine's name, for the audit log.
  package var actor: String
  /// Who they say they are, where `actor` is known from elsewhere.
  package var claimedActor: String?
  /// Why, for the audit log.
  package var reason: String
  /// Idempotency key: a repetition changes nothing and is answered with the state as it is. Empty: none.
  package var requestID: String
  /// When not empty, the change is refused unless it is the serving state's.
  package var etag: String

  package init(
    actor: String = "", claimedActor: String? = nil, reason: String = "", requestID: String = "", etag: String = ""
  ) {
    self.actor = actor
    self.claimedActor = claimedActor
    self.reason = reason
    self.requestID = requestID
    self.etag = etag
  }

  func check() throws(VectorIndexError) {
    for (name, text) in [
      ("actor", claimedActor ?? actor), ("reason", reason), ("request_id", requestID),
    ]
    where text.utf8.count > Self.maxTextBytes {
      throw VectorIndexError(
        .invalidChange, "\(name) has \(text.utf8.count) bytes; at most \(Self.maxTextBytes) are kept",
        at: "change.\(name)")
    }
  }
}
