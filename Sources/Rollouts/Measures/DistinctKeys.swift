// SPDX-License-Identifier: Apache-2.0

/// A routing key as those remember it who have to bound their memory: by a hash of 64 bits over its bytes that nobody outside can
/// foresee. Means nothing to another process.
package struct UserKey: Sendable, Hashable {
  fileprivate let hash: UInt64
  /// Whether there is a key at all: who has none is nobody known.
  package let isNamed: Bool

  package init(_ key: String) {
    var key = key
    var hasher = Hasher()
    key.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    hash = UInt64(bitPattern: Int64(hasher.finalize()))
    isNamed = !key.isEmpty
  }

  /// As one of the versions meets the key.
  func seen(by arm: Arm) -> UInt64 { hash &+ UInt64(arm.rawValue) }
}

/// Tells routing keys that were not met before: the first 65,536 different ones, in at most some 2 MB. Further new ones are
/// taken as known, so that whatever rests on it rests on the first.
package struct DistinctKeys: Sendable {
  package static let capacity = 65_536

  private var met: Set<UInt64> = []

  package init() {}

  /// Whether the key is new.
  package mutating func insert(_ key: UserKey) -> Bool {
    guard met.count < Self.capacity else { return false }
    return met.insert(key.hash).inserted
  }
}
