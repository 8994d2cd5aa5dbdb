// SPDX-License-Identifier: Apache-2.0

/// Numbers by strings of bytes, walked byte by byte.
struct ByteTrie: Sendable {
  private let children = PairTable()
  /// What ends at a node; -1 where nothing does.
  private var ends: [Int32] = [-1]
  /// Whether any string begins with a byte.
  private var firstBytes = [Bool](repeating: false, count: 256)

  /// Bytes of the longest string.
  private(set) var longest = 0

  static let root: UInt32 = 0

  var isEmpty: Bool { ends.count == 1 }

  /// Sets the value of a string that is not empty.
  mutating func insert(_ bytes: [UInt8], _ value: Int32, replacing: Bool = true) {
    var node = Self.root
    longest = max(longest, bytes.count)
    if let first = bytes.first { firstBytes[Int(first)] = true }
    for byte in bytes {
      if let child = children[node, UInt32(byte)] {
        node = child
      } else {
        ends.append(-1)
        let child = UInt32(ends.count - 1)
        children.set(node, UInt32(byte), child)
        node = child
      }
    }
    if replacing || ends[Int(node)] < 0 { ends[Int(node)] = value }
  }

  @inline(__always)
  func child(of node: UInt32, _ byte: UInt8) -> UInt32? { children[node, UInt32(byte)] }

  @inline(__always)
  func value(at node: UInt32) -> Int32 { ends[Int(node)] }

  @inline(__always)
  func begins(with byte: UInt8) -> Bool { firstBytes[Int(byte)] }

  /// The value of a whole string.
  func value(of bytes: some Sequence<UInt8>) -> Int32? {
    var node = Self.root
    for byte in bytes {
      guard let child = children[node, UInt32(byte)] else { return nil }
      node = child
    }
    return ends[Int(node)] < 0 ? nil : ends[Int(node)]
  }

  /// The longest string that begins at `start` and ends at `limit` or before.
  func longest(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, limit: Int) -> (value: Int32, end: Int)? {
    guard begins(with: bytes[start]) else { return nil }
    var (node, place) = (Self.root, start)
    var found: (value: Int32, end: Int)?
    while place < limit, let child = children[node, UInt32(bytes[place])] {
      node = child
      place += 1
      if ends[Int(node)] >= 0 { found = (ends[Int(node)], place) }
    }
    return found
  }
}
