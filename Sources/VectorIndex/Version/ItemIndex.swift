// SPDX-License-Identifier: Apache-2.0

/// Finds items' rows by hashing: one or two cache misses an id, where binary search of a table has one at every step.
///
/// Eight to sixteen bytes an item. The hash is seeded anew in each process, so ids cannot be chosen to collide.
struct ItemIndex: Sendable {
  /// Of a power of two, at least half of them empty: the upper half of the hash, and the row plus one. 0 is empty.
  private let slots: [UInt64]

  init(of table: borrowing ItemTable) {
    var size = 2
    while size < 2 * table.count { size *= 2 }
    var slots = [UInt64](repeating: 0, count: size)
    for row in 0..<table.count {
      let hash = Self.hash(table.bytes(ofRow: row))
      var slot = Int(truncatingIfNeeded: hash) & (size - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (size - 1) }
      slots[slot] = hash & Self.tag | UInt64(row + 1)
    }
    self.slots = slots
  }

  /// The rows of those of `ids` that the table, which the index was made of, holds; in the ids' order.
  ///
  /// Goes through the ids three times, so that the memory that one waits for is fetched for the next ones meanwhile: the
  /// slots, then where the ids lie in the table, then their bytes.
  func rows(of ids: some Sequence<String>, in table: borrowing ItemTable) -> [UInt32] {
    var ids = Array(ids)
    let hashes = ids.indices.map { place in ids[place].withUTF8 { Self.hash(UnsafeRawBufferPointer($0)) } }
    let first = hashes.map { slots[Int(truncatingIfNeeded: $0) & (slots.count - 1)] }
    var found: [UnsafeRawBufferPointer] = []
    found.reserveCapacity(ids.count)
    for slot in first { found.append(slot == 0 ? Self.nothing : table.bytes(ofRow: Self.row(in: slot))) }
    var rows: [UInt32] = []
    rows.reserveCapacity(ids.count)
    for place in ids.indices {
      let hash = hashes[place]
      ids[place].withUTF8 { bytes in
        let id = UnsafeRawBufferPointer(bytes)
        if Self.isTagged(first[place], by: hash) && ItemTable.order(found[place], id) == 0 {
          rows.append(UInt32(Self.row(in: first[place])))
        } else if let row = row(of: id, hash: hash, in: table) {
          rows.append(UInt32(row))
        }
      }
    }
    return rows
  }

  private func row(of id: UnsafeRawBufferPointer, hash: UInt64, in table: borrowing ItemTable) -> Int? {
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != 0 {
      let row = Self.row(in: slots[slot])
      if Self.isTagged(slots[slot], by: hash) && ItemTable.order(table.bytes(ofRow: row), id) == 0 { return row }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  private static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

  private static func row(in slot: UInt64) -> Int { Int(slot & ~tag) - 1 }

  private static func isTagged(_ slot: UInt64, by hash: UInt64) -> Bool { slot != 0 && slot & tag == hash & tag }

  private static let tag: UInt64 = 0xffff_ffff_0000_0000

  private static func hash(_ id: UnsafeRawBufferPointer) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(bytes: id)
    return UInt64(truncatingIfNeeded: hasher.finalize())
  }
}
