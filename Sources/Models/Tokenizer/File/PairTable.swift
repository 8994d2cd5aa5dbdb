// SPDX-License-Identifier: Apache-2.0

/// Numbers by pairs of numbers: ranks by the two tokens of a merge, nodes of a trie by their parent and byte, ids by character.
///
/// Open addressing in one block of memory: a look-up is a multiplication and mostly one line of the cache, where Dictionary hashes
/// with a keyed function and retains.
final class PairTable: @unchecked Sendable {
  /// Written while it is filled by its one owner, and only read from then on.
  private var keys: UnsafeMutablePointer<UInt64>
  private var values: UnsafeMutablePointer<UInt32>
  private var mask: Int
  private var shift: UInt64
  private(set) var count = 0

  /// No key is this one: tokens and nodes are numbered from 0 as Int32.
  private static let free = UInt64.max

  init(capacity: Int = 0) {
    var bits: UInt64 = 4
    while (1 << bits) < capacity * 2 { bits += 1 }
    mask = (1 << bits) - 1
    shift = 64 - bits
    (keys, values) = Self.allocate(1 << bits)
  }

  deinit {
    keys.deallocate()
    values.deallocate()
  }

  private static func allocate(_ slots: Int) -> (UnsafeMutablePointer<UInt64>, UnsafeMutablePointer<UInt32>) {
    let keys = UnsafeMutablePointer<UInt64>.allocate(capacity: slots)
    keys.initialize(repeating: free, count: slots)
    let values = UnsafeMutablePointer<UInt32>.allocate(capacity: slots)
    values.initialize(repeating: 0, count: slots)
    return (keys, values)
  }

  @inline(__always)
  static func key(_ first: UInt32, _ second: UInt32) -> UInt64 { UInt64(first) << 32 | UInt64(second) }

  @inline(__always)
  private func slot(_ key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> shift)
    while keys[slot] != key, keys[slot] != Self.free { slot = (slot &+ 1) & mask }
    return slot
  }

  @inline(__always)
  subscript(_ first: UInt32, _ second: UInt32) -> UInt32? {
    let key = Self.key(first, second)
    let slot = slot(key)
    return keys[slot] == key ? values[slot] : nil
  }

  /// Sets a value; a later one replaces the former.
  func set(_ first: UInt32, _ second: UInt32, _ value: UInt32) {
    if (count + 1) * 2 > mask { grow() }
    let key = Self.key(first, second)
    let slot = slot(key)
    if keys[slot] != key { count += 1 }
    keys[slot] = key
    values[slot] = value
  }

  private func grow() {
    let (oldKeys, oldValues, oldSlots) = (keys, values, mask + 1)
    mask = oldSlots * 2 - 1
    shift -= 1
    (keys, values) = Self.allocate(mask + 1)
    for old in 0..<oldSlots where oldKeys[old] != Self.free {
      let slot = slot(oldKeys[old])
      keys[slot] = oldKeys[old]
      values[slot] = oldValues[old]
    }
    oldKeys.deallocate()
    oldValues.deallocate()
  }
}
