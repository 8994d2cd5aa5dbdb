// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Sequences that are computed together, packed without padding.
struct SASRecBatch {
  /// Items of all sequences, one after the other: [R].
  let items: [Int32]
  /// [R]; a sequence's last is L - 1.
  let positions: [Int32]
  let sequences: [SequenceSpan]

  var rows: Int { items.count }
  /// The row of each sequence's newest item.
  var lastRows: [Int] { sequences.map { $0.queries.upperBound - 1 } }

  /// - Parameter histories: each of at least one item, oldest first; the newest `length` are read.
  init(_ histories: [ArraySlice<Int>], length: Int) {
    precondition(histories.allSatisfy { !$0.isEmpty }, "a sequence has an item")
    let windows = histories.map { $0.suffix(length) }
    items = windows.flatMap { $0.map { Int32($0) } }
    positions = windows.flatMap { (length - $0.count..<length).map { Int32($0) } }
    sequences = SequenceSpan.packed(lengths: windows.map(\.count))
  }
}
