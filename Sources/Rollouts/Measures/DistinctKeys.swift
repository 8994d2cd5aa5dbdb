// SPDX-License-Identifier: Apache-2.0

/// Tells routing keys that were not met before: the first 65,536 different ones, in at most some 2 MB. Further new ones are
/// taken as known, so that whatever rests on it rests on the first.
///
/// Keys are compared as bytes, by a hash of 64 bits that nobody outside can foresee.
package struct DistinctKeys: Sendable {
  package static let capacity = 65_536

  private var met: Set<UInt64> = []

  package init() {}

  /// Whether the key is new.
  package mutating func insert(_ key: String) -> Bool {
    guard met.count < Self.capacity else { return false }
    return met.insert(Self.hash(key)).inserted
  }

  private static func hash(_ key: String) -> UInt64 {
    var key = key
    var hasher = Hasher()
    key.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
