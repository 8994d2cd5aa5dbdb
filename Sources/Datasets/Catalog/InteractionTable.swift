// SPDX-License-Identifier: Apache-2.0

/// A table of interactions: columns `user_id` and `item_id` (or `asin`), and `timestamp` where times are known.
struct InteractionTable {
  struct Event {
    let user: String
    let item: String
    /// 0 without a column of times.
    let time: EventTime
    let line: Int
  }

  let table: DelimitedTable
  private var path: String { table.file.path }

  init(_ path: String) { table = DelimitedTable(path, what: "the interactions") }

  /// Calls `event` with every interaction and `problem` with every row that is none.
  ///
  /// - Parameter isWanted: rows of other users are passed over unread; ids are in the spelling of ``ItemName``.
  func read(
    progress: (Int) throws -> Void = { _ in }, isWanted: (String) -> Bool = { _ in true },
    event: (Event) throws -> Void, problem: (String, Int) throws -> Void
  ) throws {
    var columns = (count: 0, user: 0, item: 0, time: Int?.none)
    try table.read(progress: progress) { header in
      guard let user = header.firstIndex(of: "user_id"),
        let item = header.firstIndex(where: { ItemFields.idNames.contains($0) })
      else {
        throw DatasetError(
          .malformed,
          "\(path):1: needs the columns user_id and item_id; the header has \(header.joined(separator: ", "))")
      }
      columns = (header.count, user, item, header.firstIndex(of: "timestamp"))
    } row: { row in
      let user = row.cells.indices.contains(columns.user) ? ItemName.canonical(row.cells[columns.user]) : nil
      guard user.map(isWanted) ?? true else { return }
      guard row.cells.count == columns.count else {
        return try problem("\(row.cells.count) fields where the header has \(columns.count)", row.line)
      }
      let item = ItemName.canonical(row.cells[columns.item])
      guard let user, !user.isEmpty, !item.isEmpty else { return try problem("no user_id or no item_id", row.line) }
      let text = columns.time.map { row.cells[$0] } ?? "0"
      guard let time = EventTime(text) else {
        return try problem("timestamp \"\(text)\" is not a number", row.line)
      }
      try event(Event(user: user, item: item, time: time, line: row.line))
    }
  }
}
