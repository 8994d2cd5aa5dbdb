// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc

/// Brings the items of an upload that came in another order into ascending order of their ids.
///
/// Memory: 4 bytes an item, beside the pages the kernel keeps. Needs the upload's size again on disk while it runs.
struct ItemSorter {
  let directory: String
  let itemCount: Int
  let dim: Int
  let disk: Disk

  /// Replaces the three files by sorted ones; refuses an id that came twice.
  ///
  /// - Returns: the sorted files, and the arrival position of each row.
  func sort() throws(VectorIndexError) -> (files: [Manifest.File], order: [UInt32]) {
    let table = ItemTable(
      ids: try ReadableFile(opening: path(.itemIDs)).map(),
      offsets: try ReadableFile(opening: path(.itemOffsets)).map(), count: itemCount)
    let order = try ascendingOrder(of: table)
    let files = try write(order, ids: table)
    for file in VersionFile.allCases {
      try disk.move(sortedPath(file), to: path(file), at: .replaceUnsortedItems)
    }
    return (files, order)
  }

  /// Arrival positions in the order of their ids.
  private func ascendingOrder(of table: borrowing ItemTable) throws(VectorIndexError) -> [UInt32] {
    var order = Array(0..<UInt32(itemCount))
    order.sort { table.order(ofRow: Int($0), Int($1)) < 0 }
    for (first, second) in zip(order, order.dropFirst()) where table.order(ofRow: Int(first), Int(second)) == 0 {
      throw VectorIndexError(
        .duplicateItem,
        "item '\(table.id(ofRow: Int(first)))' came twice, as items \(min(first, second) + 1) and "
          + "\(max(first, second) + 1) of the upload; send each item once")
    }
    return order
  }

  private func write(_ order: [UInt32], ids table: borrowing ItemTable) throws(VectorIndexError) -> [Manifest.File] {
    var ids = try WritableFile(creating: sortedPath(.itemIDs), on: disk, at: .createItemFiles)
    var offsets = try WritableFile(creating: sortedPath(.itemOffsets), on: disk, at: .createItemFiles)
    var vectors = try WritableFile(creating: sortedPath(.vectors), on: disk, at: .createItemFiles)
    let arrived = try ReadableFile(opening: path(.vectors)).map()
    let vectorBytes = dim * MemoryLayout<Float>.size
    guard arrived.bytes.count == itemCount * vectorBytes else {
      throw VectorIndexError(.storageFailed, "\(path(.vectors)) was changed while it was sorted; upload again")
    }
    var end: UInt64 = 0
    try offsets.append(littleEndian: end, at: .writeSortedItems)
    for row in order {
      let id = table.bytes(ofRow: Int(row))
      end += UInt64(id.count)
      try ids.append(id, at: .writeSortedItems)
      try offsets.append(littleEndian: end, at: .writeSortedItems)
      let from = Int(row) * vectorBytes
      try vectors.append(
        UnsafeRawBufferPointer(rebasing: arrived.bytes[from..<from + vectorBytes]), at: .writeSortedItems)
    }
    return try VersionWriter.finish(ids: ids, offsets: offsets, vectors: vectors, writing: .writeSortedItems)
  }

  private func path(_ file: VersionFile) -> String { "\(directory)/\(file.rawValue)" }

  private func sortedPath(_ file: VersionFile) -> String { "\(path(file)).sorted" }
}
