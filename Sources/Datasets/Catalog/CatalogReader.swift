// SPDX-License-Identifier: Apache-2.0

import Basics

/// Reads the items of a catalog.
///
/// | file | holds |
/// | --- | --- |
/// | `.jsonl` | one JSON object per line |
/// | `.json` | one object {item id: {title, …}}, the published code's `meta_info.json` |
/// | `.csv`, `.tsv` | a header row, then one row per item (RFC 4180) |
///
/// Any of them may be gzipped, with `.gz` behind. The fields are `item_id` (or `asin`), `title`, `brand`, `category` (or
/// `genres`), `description` and `image`; all but the first may be missing. Lists are joined. White space around texts is cut, but
/// for those of `.json`, which are as the published code wrote them; ids are taken as ``ItemName`` says. A bad record is noted
/// with its place, and the others are kept.
package struct CatalogReader {
  private let path: String
  private var catalog: Catalog
  /// Where each item id was first met.
  private var places: [Identifier: String] = [:]

  package static func read(_ path: String) throws(DatasetError) -> Catalog {
    try DatasetError.wrapping(path) {
      var reader = CatalogReader(path)
      switch path.split(separator: ".").map({ $0.lowercased() }).last(where: { $0 != "gz" }) {
      case "jsonl", "ndjson": try reader.readJSONLines()
      case "json": try reader.readJSONObject()
      case "csv", "tsv": try reader.readTable()
      default:
        throw DatasetError(
          .invalidInput,
          "\(path): the catalog's format is not known; name it .jsonl, .json, .csv or .tsv after its contents")
      }
      return try reader.finish()
    }
  }

  private init(_ path: String) {
    self.path = path
    catalog = Catalog(file: path)
  }

  private func finish() throws(DatasetError) -> Catalog {
    guard catalog.items.isEmpty else { return catalog }
    guard let first = catalog.problems.first else {
      throw DatasetError(.empty, "\(path): the catalog holds no items")
    }
    throw DatasetError(
      .empty,
      "\(path): none of \(catalog.problems.count) records is an item; the first problem, at \(first.place): \(first.message)"
    )
  }

  // MARK: - Formats

  private mutating func readJSONLines() throws {
    try TextFile(path, what: "the catalog").forEachLine { bytes, line in
      if bytes.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\t") }) {
        return
      }
      do {
        var cursor = JSONCursor(borrowing: bytes)
        let fields = try ItemFields(reading: &cursor)
        try cursor.finish()
        add(fields, id: fields.id, line: line)
      } catch let problem as JSONProblem {
        try problem.refuseEncoding("\(path):\(line)")
        note(
          "not a JSON object of an item (column \(problem.offset + 1): \(problem.message)); write one object per line",
          line: line)
      }
    }
  }

  private mutating func readJSONObject() throws {
    var items: [(id: String, fields: ItemFields?)] = []
    try JSONFile(path, what: "the catalog").read { cursor in
      guard try cursor.kind() == .object else {
        throw cursor.problem("not a JSON object of items; a file with one object per line is named .jsonl")
      }
      try cursor.readObject(hasNames: true) { id, cursor in
        if try cursor.kind() == .object {
          items.append((ItemName.canonical(id), try ItemFields(reading: &cursor, isExact: true)))
        } else {
          try cursor.skip()
          items.append((ItemName.canonical(id), nil))
        }
      }
    }
    for (id, fields) in items.sorted(by: { Identifier($0.id) < Identifier($1.id) }) {
      if let fields {
        add(fields, id: id, line: 0)
      } else {
        note("the value of item \"\(id)\" is not an object", itemID: id, line: 0)
      }
    }
  }

  private mutating func readTable() throws {
    var columns: [String] = []
    try DelimitedTable(path, what: "the catalog").read { header in
      guard header.contains(where: { ItemFields.idNames.contains($0) }) else {
        throw DatasetError(
          .malformed, "\(path):1: no column item_id (or asin); the header has \(header.joined(separator: ", "))")
      }
      columns = header
    } row: { row in
      guard row.cells.count == columns.count else {
        return note(
          "\(row.cells.count) fields where the header has \(columns.count); quote fields that hold the separator",
          line: row.line)
      }
      let fields = ItemFields(cells: zip(columns, row.cells))
      add(fields, id: fields.id, line: row.line)
    }
  }

  // MARK: - Records

  private mutating func add(_ fields: ItemFields, id: String?, line: Int) {
    guard let id, !id.isEmpty else { return note("no item_id (or asin)", line: line) }
    if let first = places[Identifier(id)] {
      return note("item \"\(id)\" was given before, at \(first); every item stands once", itemID: id, line: line)
    }
    places[Identifier(id)] = place(line, itemID: id)
    catalog.items.append(fields.item(id: id, line: line))
  }

  private mutating func note(_ message: String, itemID: String = "", line: Int) {
    catalog.problems.append(CatalogProblem(place: place(line, itemID: itemID), itemID: itemID, message: message))
  }

  private func place(_ line: Int, itemID: String) -> String {
    line > 0 ? "\(path):\(line)" : "\(path), item \"\(itemID)\""
  }
}
