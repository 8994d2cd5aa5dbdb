// SPDX-License-Identifier: Apache-2.0

/// RecBole's atomic files: a header of `name:type`, tabs between fields, spaces between the pieces of a sequence, no quotes.
///
/// - Source: RecBole's documentation, "Atomic Files". Every row of `.inter` is an interaction, whatever its label or rating.
extension SourceReader {
  mutating func readRecBole(items path: String, interactions: String) throws -> RawData {
    var raw = RawData(
      kind: .catalog, source: "\(path) + \(interactions)",
      images: ImageLocator(directory: options.images, catalogFile: path))
    var numbers = Names()
    try readAtomic(path, what: "the items", needing: ["item_id"]) { reader, columns, fields, line in
      let cells = zip(columns, fields).map { column, field in (column.catalogName, column.catalogText(field)) }
      guard let id = ItemFields(cells: cells).id else { return try reader.noteBad("\(path):\(line)", "no item_id") }
      guard numbers.number(of: id) == nil else {
        return try reader.noteBad("\(path):\(line)", "item \(id) was given before")
      }
      _ = numbers.insert(id)
      raw.items.append(ItemFields(cells: cells).item(id: id, line: line))
    }
    var log = InteractionLog()
    try readAtomic(interactions, what: "the interactions", needing: ["user_id", "item_id"]) {
      reader, columns, fields, line in
      func field(_ name: String) -> String? { columns.firstIndex { $0.name == name }.map { fields[$0] } }
      try reader.add(
        user: field("user_id") ?? "", item: field("item_id") ?? "", time: field("timestamp"), "\(interactions):\(line)",
        numbers, to: &log, &raw)
    }
    raw.take(log)
    return raw
  }

  private mutating func readAtomic(
    _ path: String, what: String, needing names: [String],
    _ record: (inout SourceReader, [AtomicColumn], [String], Int) throws -> Void
  ) throws {
    var columns: [AtomicColumn] = []
    try SeparatedLines(path, what: what, separator: "\t").forEach(progress: follow(path)) { fields, line in
      guard !columns.isEmpty else {
        columns = try fields.map { try AtomicColumn($0, of: path) }
        for name in names where !columns.contains(where: { $0.name == name }) {
          throw DatasetError(
            .malformed, "\(path):\(line): needs the column \(name); the header has \(fields.joined(separator: ", "))")
        }
        return
      }
      guard fields.count == columns.count else {
        return try noteBad("\(path):\(line)", "\(fields.count) fields where the header has \(columns.count)")
      }
      try record(&self, columns, fields, line)
    }
    guard !columns.isEmpty else { throw DatasetError(.malformed, "\(path): empty; the first line names the columns") }
  }
}

/// A column of an atomic file.
private struct AtomicColumn {
  let name: String
  private let isSequence: Bool

  /// What data sets call the same, by the names of catalogs.
  private static let catalogNames = [
    "movie_title": "title", "name": "title", "item_name": "title", "class": "genres", "genre": "genres",
    "cates": "genres",
  ]
  private static let types = ["token", "token_seq", "float", "float_seq"]
  private static let listed: Set = ["genres", "category", "categories"]

  init(_ header: String, of path: String) throws(DatasetError) {
    let parts = header.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, Self.types.contains(String(parts[1])) else {
      throw DatasetError(
        .malformed,
        "\(path):1: \"\(header)\" is no column of an atomic file, such as item_id:token; types are "
          + Self.types.joined(separator: ", "))
    }
    name = String(parts[0])
    isSequence = parts[1].hasSuffix("_seq")
  }

  var catalogName: String { Self.catalogNames[name] ?? name }

  /// A title of several tokens is their text; genres are several.
  func catalogText(_ field: String) -> String {
    guard isSequence, Self.listed.contains(catalogName) else { return field }
    return field.split(separator: " ").joined(separator: ", ")
  }
}
