// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc
import Synchronization

/// The item ids of a version, by row; rows are in ascending byte order of their ids.
///
/// Compares bytes, never Swift's canonical equivalence: two spellings of a character are two ids, as in every other
/// language's client.
struct ItemTable: ~Copyable, Sendable {
  let count: Int
  private let ids: MappedFile
  private let offsets: MappedFile
  private let madeIndex = Mutex<ItemIndex?>(nil)

  /// Takes the two mapped files; `check()` says whether they are sound, and nothing else may be asked before.
  init(ids: consuming MappedFile, offsets: consuming MappedFile, count: Int) {
    self.ids = ids
    self.offsets = offsets
    self.count = count
  }

  /// Refuses offsets that leave the file or go back, ids that are no UTF-8, and ids that are not in ascending order.
  func check(path: String) throws(VectorIndexError) {
    guard offset(0) == 0, offset(count) == UInt64(ids.bytes.count) else {
      throw VectorIndexError(.corrupt, "\(path): its offsets do not span the \(ids.bytes.count) bytes of item ids")
    }
    for row in 0..<count {
      let begin = offset(row)
      let end = offset(row + 1)
      guard begin < end, end <= UInt64(ids.bytes.count), end - begin <= UInt64(UploadLimits.maxItemIDBytes) else {
        throw VectorIndexError(.corrupt, "\(path): the offsets of row \(row) are \(begin) and \(end)")
      }
      guard String(validating: bytes(ofRow: row), as: UTF8.self) != nil else {
        throw VectorIndexError(.corrupt, "\(path): the item id of row \(row) is not UTF-8")
      }
      guard row == 0 || order(ofRow: row - 1, row) < 0 else {
        throw VectorIndexError(.corrupt, "\(path): the item id of row \(row) does not follow the one before")
      }
    }
  }

  /// The id at `row`.
  func id(ofRow row: Int) -> String { String(decoding: bytes(ofRow: row), as: UTF8.self) }

  /// The row of `id`; nil when the version does not hold it.
  func row(of id: String) -> Int? {
    var id = id
    return id.withUTF8 { wanted in row(of: UnsafeRawBufferPointer(wanted)) }
  }

  /// Made for whoever looks up many items first.
  func index() -> ItemIndex {
    madeIndex.withLock { made in
      let index = made ?? ItemIndex(of: self)
      made = index
      return index
    }
  }

  /// The rows of those of `ids` that the version holds: ascending, each once.
  func rows(of ids: some Sequence<String>) -> [UInt32] {
    var rows = index().rows(of: ids, in: self)
    rows.sort()
    var kept = 0
    for row in rows where kept == 0 || rows[kept - 1] != row {
      rows[kept] = row
      kept += 1
    }
    rows.removeSubrange(kept...)
    return rows
  }

  /// Less than, equal to or greater than 0 as `a` comes before, equals or comes after `b` in byte order.
  static func order(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let shared = min(a.count, b.count)
    if shared > 0, let left = a.baseAddress, let right = b.baseAddress {
      let order = memcmp(left, right, shared)
      if order != 0 { return Int(order) }
    }
    return a.count - b.count
  }

  private func row(of wanted: UnsafeRawBufferPointer) -> Int? {
    var low = 0
    var high = count
    while low < high {
      let middle = low + (high - low) / 2
      let order = Self.order(bytes(ofRow: middle), wanted)
      if order == 0 { return middle }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  /// `order` of the ids at two rows.
  func order(ofRow a: Int, _ b: Int) -> Int { Self.order(bytes(ofRow: a), bytes(ofRow: b)) }

  /// The id at `row`, valid as long as the table is.
  func bytes(ofRow row: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: ids.bytes[Int(offset(row))..<Int(offset(row + 1))])
  }

  private func offset(_ index: Int) -> UInt64 {
    UInt64(littleEndian: offsets.bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
  }
}
