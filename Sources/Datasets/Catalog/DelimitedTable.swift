// SPDX-License-Identifier: Apache-2.0

/// A table of delimited text, as RFC 4180 has it: quoted fields may hold separators, line breaks and doubled quotes.
/// It is streamed: rows are handed out one by one.
package struct DelimitedTable: Sendable {
  package struct Row: Equatable, Sendable {
    package var cells: [String]
    /// Line on which the row begins, counted from 1.
    package var line: Int
  }

  let file: TextFile
  let separator: UInt8

  /// A name that ends in .tsv or .tsv.gz has tabs between its fields, every other one commas.
  package init(_ path: String, what: String) {
    file = TextFile(path, what: what)
    let name = path.lowercased()
    separator = name.hasSuffix(".tsv") || name.hasSuffix(".tsv.gz") ? UInt8(ascii: "\t") : UInt8(ascii: ",")
  }

  /// Calls `header` with the column names, then `row` with every other row that is not blank.
  ///
  /// - Parameter progress: told how many bytes of the file were consumed.
  package func read(
    progress: (Int) throws -> Void = { _ in }, header: ([String]) throws -> Void, row: (Row) throws -> Void
  ) throws {
    var parser = Parser(separator: separator, file: file.path)
    var hasHeader = false
    func take(_ found: Row) throws {
      if hasHeader { return try row(found) }
      hasHeader = true
      try header(found.cells.map(Self.columnName))
    }
    try file.forEachLine(progress: progress) { bytes, _ in
      for byte in bytes { try parser.take(byte) }
      if let found = try parser.endLine() { try take(found) }
    }
    if let found = try parser.finish() { try take(found) }
    guard hasHeader else {
      throw DatasetError(.malformed, "\(file.path): empty; the first line names the columns")
    }
  }

  private static func columnName(_ cell: String) -> String {
    let head = cell.drop { $0.isWhitespace }
    return String(head.reversed().drop { $0.isWhitespace }.reversed())
  }

  /// The parser's place in the text.
  private struct Parser {
    private enum State { case fieldStart, unquoted, quoted, quoteInQuoted }

    let separator: UInt8
    let file: String
    private var state = State.fieldStart
    private var field: [UInt8] = []
    private var cells: [String] = []
    private var line = 1
    private var rowLine = 1

    init(separator: UInt8, file: String) {
      self.separator = separator
      self.file = file
    }

    /// Any byte but a line break.
    mutating func take(_ byte: UInt8) throws {
      switch (state, byte) {
      case (.fieldStart, UInt8(ascii: "\"")): state = .quoted
      case (.quoted, UInt8(ascii: "\"")): state = .quoteInQuoted
      case (.quoted, _): field.append(byte)
      case (.quoteInQuoted, UInt8(ascii: "\"")):
        field.append(byte)
        state = .quoted
      case (_, separator): try endField()
      case (.quoteInQuoted, UInt8(ascii: "\r")): break
      case (.quoteInQuoted, _):
        throw DatasetError(.malformed, "\(file):\(line): text after a closing quote; write a quote inside quotes twice")
      case (_, _):
        field.append(byte)
        state = .unquoted
      }
    }

    /// The row that ends with this line; nil when the line is blank or breaks within quotes.
    mutating func endLine() throws -> Row? {
      line += 1
      guard state != .quoted else {
        field.append(UInt8(ascii: "\n"))
        return nil
      }
      return try endRow()
    }

    mutating func finish() throws -> Row? {
      guard state == .quoted else { return nil }
      throw DatasetError(.malformed, "\(file):\(rowLine): a quote opened in this row is never closed")
    }

    /// What is no UTF-8 is refused: replaced characters would make other ids of those that it holds.
    private mutating func endField() throws {
      if state == .unquoted || state == .fieldStart, field.last == UInt8(ascii: "\r") { field.removeLast() }
      guard let text = String(validating: field, as: UTF8.self) else {
        throw DatasetError(
          .malformed, "\(file):\(rowLine): field \(cells.count + 1) is no UTF-8 text; save the file as UTF-8")
      }
      cells.append(text)
      field.removeAll(keepingCapacity: true)
      state = .fieldStart
    }

    private mutating func endRow() throws -> Row? {
      let isBlank = cells.isEmpty && state != .quoteInQuoted && (field.isEmpty || field == [UInt8(ascii: "\r")])
      try endField()
      defer {
        cells.removeAll(keepingCapacity: true)
        rowLine = line
      }
      return isBlank ? nil : Row(cells: cells, line: rowLine)
    }
  }
}
