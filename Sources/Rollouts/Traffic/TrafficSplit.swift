// SPDX-License-Identifier: Apache-2.0

import Digest

/// Which of two versions a routing key goes to.
///
/// A key's position is a stable hash, so that the same key always goes the same way, on any machine and after any restart:
///
///     position = first 8 bytes, big-endian, of SHA-256(index ‖ 0x00 ‖ rollout, in decimal ‖ 0x00 ‖ key)
///     canary   ⇔ position < 2⁶⁴ · permille / 1000
///
/// Growing the share only adds keys. Index and rollout are in the hash so that it is not the same users who meet every
/// canary.
package struct TrafficSplit: Sendable {
  private let prefix: String
  /// Positions below go to the canary; nil: all do.
  private let bound: UInt64?

  /// - Parameters:
  ///   - rollout: its number within the index.
  ///   - permille: the canary's share, 0 to 1000.
  package init(index: String, rollout: UInt64, permille: Int) {
    precondition((0...1000).contains(permille))
    prefix = "\(index)\0\(rollout)\0"
    bound = permille == 1000 ? nil : (1 << 63) / 500 * UInt64(permille)
  }

  /// Whether the canary answers for this key.
  package func takesCanary(_ key: String) -> Bool {
    guard let bound else { return true }
    return bound > 0 && position(of: key) < bound
  }

  func position(of key: String) -> UInt64 {
    var digest = SHA256()
    digest.update(prefix + key)
    return digest.finish().prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}
