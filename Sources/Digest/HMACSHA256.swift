// SPDX-License-Identifier: Apache-2.0

import CDigest

/// Proves that a message comes from whoever holds the key (RFC 2104 with SHA-256).
package enum HMACSHA256 {
  /// 32 bytes.
  package static func tag(of message: [UInt8], key: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      // libcrypto fails here only when memory is exhausted.
      precondition(illmrec_hmac_sha256(key, key.count, message, message.count, buffer.baseAddress) == 0)
      count = 32
    }
  }

  /// Whether `tag` is the beginning of the message's, in a time that does not tell where it differs.
  package static func isTag(_ tag: some Collection<UInt8>, of message: [UInt8], key: [UInt8]) -> Bool {
    let expected = self.tag(of: message, key: key)
    guard tag.count <= expected.count else { return false }
    return zip(tag, expected).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
