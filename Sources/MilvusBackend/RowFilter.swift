// SPDX-License-Identifier: Apache-2.0

/// Filters on the primary key, in Milvus' language. Rows are numbers: there is nothing in them to escape.
enum RowFilter {
  /// Most hits of a query that Milvus gives; also used as the most rows of one look-up.
  static let maxHits = 16_384

  static func including(_ rows: [UInt32]) -> String { "\(MilvusBackend.Column.row) in [\(list(rows))]" }

  static func excluding(_ rows: [UInt32]) -> String { "\(MilvusBackend.Column.row) not in [\(list(rows))]" }

  private static func list(_ rows: [UInt32]) -> String {
    var text = ""
    text.reserveCapacity(rows.count * 8)
    for row in rows {
      if !text.isEmpty { text += "," }
      text += String(row)
    }
    return text
  }
}
