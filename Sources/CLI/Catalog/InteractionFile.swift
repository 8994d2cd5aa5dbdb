import Foundation

/// Reads one user's history out of a table of interactions.
///
/// Columns `user_id` and `item_id` (or `asin`) are required. With a column `timestamp` the history is in its order,
/// without one in the file's.
enum InteractionFile {
  static func history(of user: String, in path: String) throws(CLIError) -> [String] {
    let bytes = try InputFile.bytes(of: path, what: "the interactions")
    let separator: UInt8 = path.lowercased().hasSuffix(".tsv") ? UInt8(ascii: "\t") : UInt8(ascii: ",")
    let table = try DelimitedTable(bytes, separator: separator, file: path)
    guard let userColumn = table.header.firstIndex(of: "user_id"),
      let itemColumn = table.header.firstIndex(where: { CatalogFields.idNames.contains($0) })
    else {
      throw CLIError(
        .invalidInput,
        "\(path):1: needs the columns user_id and item_id; the header has \(table.header.joined(separator: ", "))")
    }
    let timeColumn = table.header.firstIndex(of: "timestamp")
    var events: [(time: Double, item: String)] = []
    for row in table.rows where row.cells.indices.contains(userColumn) && row.cells[userColumn] == user {
      guard row.cells.count == table.header.count else {
        throw CLIError(
          .invalidInput, "\(path):\(row.line): \(row.cells.count) fields where the header has \(table.header.count)")
      }
      events.append((try time(of: row, column: timeColumn, path: path), row.cells[itemColumn]))
    }
    guard !events.isEmpty else {
      throw CLIError(.invalidInput, "\(path): no interaction of user \"\(user)\"; check the column user_id")
    }
    // A stable order: equal times stay as the file has them.
    return events.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(
      \.element.item)
  }

  private static func time(of row: DelimitedTable.Row, column: Int?, path: String) throws(CLIError) -> Double {
    guard let column else { return 0 }
    guard let time = Double(row.cells[column]), time.isFinite else {
      throw CLIError(.invalidInput, "\(path):\(row.line): timestamp \"\(row.cells[column])\" is not a number")
    }
    return time
  }
}
