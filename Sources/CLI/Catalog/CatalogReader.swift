import Foundation

/// Reads the items of a catalog.
///
/// | file | holds |
/// | --- | --- |
/// | `.jsonl` | one JSON object per line |
/// | `.json` | one object {item id: {title, …}}, the published code's `meta_info.json` |
/// | `.csv`, `.tsv` | a header row, then one row per item (RFC 4180) |
///
/// The fields are `item_id` (or `asin`), `title`, `brand`, `category` (or `genres`), `description` and `image`; all but
/// the first may be missing. Lists are joined. A bad record is noted with its place, and the others are kept.
struct CatalogReader {
  private let file: String
  private var catalog = Catalog()
  /// Where each item id was first met.
  private var places: [String: String] = [:]

  static func read(_ path: String) throws(CLIError) -> Catalog {
    var reader = CatalogReader(file: path)
    let bytes = try InputFile.bytes(of: path, what: "the catalog")
    switch path.split(separator: ".").last.map({ $0.lowercased() }) {
    case "jsonl", "ndjson": reader.readJSONLines(bytes)
    case "json": try reader.readJSONObject(bytes)
    case "csv": try reader.readTable(bytes, separator: UInt8(ascii: ","))
    case "tsv": try reader.readTable(bytes, separator: UInt8(ascii: "\t"))
    default:
      throw CLIError(
        .invalidInput,
        "\(path): the catalog's format is not known; name it .jsonl, .json, .csv or .tsv after its contents")
    }
    return try reader.finish()
  }

  private init(file: String) {
    self.file = file
    catalog.file = file
  }

  private func finish() throws(CLIError) -> Catalog {
    guard catalog.items.isEmpty else { return catalog }
    guard let first = catalog.problems.first else {
      throw CLIError(.invalidInput, "\(file): the catalog holds no items")
    }
    throw CLIError(
      .invalidInput,
      "\(file): none of \(catalog.problems.count) records is an item; the first problem, at \(first.place): \(first.message)"
    )
  }

  // MARK: - Formats

  private mutating func readJSONLines(_ bytes: Data) {
    var line = 0
    for record in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      line += 1
      if record.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\t") }) {
        continue
      }
      guard let object = try? JSONSerialization.jsonObject(with: record), let fields = object as? [String: Any] else {
        note("not a JSON object; write one object per line", line: line)
        continue
      }
      add(CatalogFields(json: fields), line: line)
    }
  }

  private mutating func readJSONObject(_ bytes: Data) throws(CLIError) {
    guard let object = try? JSONSerialization.jsonObject(with: bytes), let items = object as? [String: Any] else {
      throw CLIError(
        .invalidInput, "\(file): not a JSON object of items; a file with one object per line is named .jsonl")
    }
    for (id, value) in items.sorted(by: { $0.key < $1.key }) {
      guard let fields = value as? [String: Any] else {
        note("the value of item \"\(id)\" is not an object", itemID: id, line: 0)
        continue
      }
      add(CatalogFields(json: fields, id: id), line: 0)
    }
  }

  private mutating func readTable(_ bytes: Data, separator: UInt8) throws(CLIError) {
    let table = try DelimitedTable(bytes, separator: separator, file: file)
    guard table.hasColumn(anyOf: CatalogFields.idNames) else {
      throw CLIError(
        .invalidInput,
        "\(file):1: no column item_id (or asin); the header has \(table.header.joined(separator: ", "))")
    }
    for row in table.rows {
      guard row.cells.count == table.header.count else {
        note(
          "\(row.cells.count) fields where the header has \(table.header.count); quote fields that hold the separator",
          line: row.line)
        continue
      }
      add(CatalogFields(text: zip(table.header, row.cells)), line: row.line)
    }
  }

  // MARK: - Records

  private mutating func add(_ fields: CatalogFields, line: Int) {
    guard let id = fields.first(of: CatalogFields.idNames), !id.isEmpty else {
      return note("no item_id (or asin)", line: line)
    }
    if let first = places[id] {
      return note("item \"\(id)\" was given before, at \(first); every item stands once", itemID: id, line: line)
    }
    places[id] = place(line, itemID: id)
    catalog.items.append(fields.item(id: id, line: line))
  }

  private mutating func note(_ message: String, itemID: String = "", line: Int) {
    catalog.problems.append(CatalogProblem(place: place(line, itemID: itemID), itemID: itemID, message: message))
  }

  private func place(_ line: Int, itemID: String) -> String {
    line > 0 ? "\(file):\(line)" : "\(file), item \"\(itemID)\""
  }
}
