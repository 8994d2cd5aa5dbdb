// SPDX-License-Identifier: Apache-2.0

/// A set of rows, one bit for each row of a version: row r in bit r % 64 of word r / 64.
struct RowMask {
  private(set) var words: [UInt64]

  /// - Parameter count: rows of the version.
  init(_ rows: [UInt32] = [], count: Int) {
    words = [UInt64](repeating: 0, count: (count + 63) / 64)
    insert(rows)
  }

  mutating func insert(_ rows: [UInt32]) {
    for row in rows { words[Int(row) / 64] |= 1 << (UInt64(row) % 64) }
  }

  /// The rows in the set: ascending, each once.
  var rows: [UInt32] {
    var rows: [UInt32] = []
    rows.reserveCapacity(words.reduce(0) { $0 + $1.nonzeroBitCount })
    for (index, word) in words.enumerated() {
      var left = word
      while left != 0 {
        rows.append(UInt32(index * 64 + left.trailingZeroBitCount))
        left &= left - 1
      }
    }
    return rows
  }
}
