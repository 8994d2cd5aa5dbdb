// SPDX-License-Identifier: Apache-2.0

/// Who asks for a change, why, and under which conditions.
package struct ChangeRequest: Sendable, Equatable {
  /// Of each text.
  package static let maxTextBytes = 1024

  /// Who: a person's or a machine's name, for the audit log.
  package var actor: String
  /// Who they say they are, where `actor` is known from elsewhere.
  package var claimedActor: String?
  /// Where they asked from; the audit log tells it beside the name. Not theirs to choose, so that no limit of theirs counts it.
  package var peer: String
  /// Why, for the audit log.
  package var reason: String
  /// Idempotency key: a repetition changes nothing and is answered with the state as it is. Empty: none.
  package var requestID: String
  /// When not empty, the change is refused unless it is the serving state's.
  package var etag: String

  package init(
    actor: String = "", claimedActor: String? = nil, peer: String = "", reason: String = "", requestID: String = "",
    etag: String = ""
  ) {
    self.actor = actor
    self.claimedActor = claimedActor
    self.peer = peer
    self.reason = reason
    self.requestID = requestID
    self.etag = etag
  }

  /// As the audit log tells who it was: where nobody's identity is known, by what they say and where they asked from.
  var auditedActor: String { claimedActor == nil ? withPeer(actor) : actor }
  var auditedClaim: String? { claimedActor.map(withPeer) }

  private func withPeer(_ name: String) -> String {
    peer.isEmpty ? name : name.isEmpty ? peer : "\(name) (\(peer))"
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
