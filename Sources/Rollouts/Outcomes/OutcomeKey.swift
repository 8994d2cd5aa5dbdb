// SPDX-License-Identifier: Apache-2.0

import Digest

/// Signs outcome tokens and knows its own again.
package struct OutcomeKey: Sendable {
  package static let byteCount = 32

  let bytes: [UInt8]
  /// Which key a token was signed with.
  let id: [UInt8]

  /// Nil unless there are `byteCount` of them.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
    // Tells nothing of the key: a digest of what else it never signs.
    id = Array(HMACSHA256.tag(of: Array("illmrec outcome key".utf8), key: bytes).prefix(4))
  }

  private init(_ bytes: [UInt8], id: [UInt8]) {
    self.bytes = bytes
    self.id = id
  }

  /// The key for a tenant's answers alone: no other tenant's outcomes count with them.
  package func bound(to tenant: String) -> OutcomeKey {
    OutcomeKey(HMACSHA256.tag(of: Array("illmrec tenant \(tenant)".utf8), key: bytes), id: id)
  }

  /// Bytes of a new key.
  package static func randomBytes() -> [UInt8] {
    var random = SystemRandomNumberGenerator()
    return (0..<byteCount).map { _ in UInt8.random(in: .min ... .max, using: &random) }
  }
}
