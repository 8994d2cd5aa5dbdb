// SPDX-License-Identifier: Apache-2.0

import Digest

/// Which query of which request was answered, in 16 bytes whatever the length of their ids: the beginning of a SHA-256 over their
/// bytes.
package struct AnswerKey: Hashable, Sendable {
  private let words: SIMD2<UInt64>

  package init(requestID: String, queryID: String) {
    var digest = SHA256()
    withUnsafeBytes(of: UInt64(requestID.utf8.count).littleEndian) { digest.update($0) }
    digest.update(requestID)
    digest.update(queryID)
    words = digest.finish().withUnsafeBytes { $0.loadUnaligned(as: SIMD2<UInt64>.self) }
  }
}
