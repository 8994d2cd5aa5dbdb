import Foundation

/// A table of delimited text, as RFC 4180 has it: quoted fields may hold separators, line breaks and doubled quotes.
struct DelimitedTable {
  struct Row: Equatable {
    var cells: [String]
    /// Line on which the row begins, counted from 1.
    var line: Int
  }

  let header: [String]
  let rows: [Row]

  /// - Parameter file: named in errors.
  init(_ bytes: Data, separator: UInt8, file: String) throws(CLIError) {
    var parser = Parser(separator: separator, file: file)
    var bytes = bytes[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    for byte in bytes { try parser.take(byte) }
    var rows = try parser.finish()
    guard !rows.isEmpty else { throw CLIError(.invalidInput, "\(file): empty; the first line names the columns") }
    header = rows.removeFirst().cells.map { $0.trimmingCharacters(in: .whitespaces) }
    self.rows = rows
  }

  func hasColumn(anyOf names: [String]) -> Bool { names.contains { header.contains($0) } }

  /// The parser's place in the text.
  private struct Parser {
    private enum State { case fieldStart, unquoted, quoted, quoteInQuoted }

    let separator: UInt8
    let file: String
    private var state = State.fieldStart
    private var field: [UInt8] = []
    private var cells: [String] = []
    private var rows: [Row] = []
    private var line = 1
    private var rowLine = 1

    init(separator: UInt8, file: String) {
      self.separator = separator
      self.file = file
    }

    mutating func take(_ byte: UInt8) throws(CLIError) {
      if byte == UInt8(ascii: "\n") { line += 1 }
      switch (state, byte) {
      case (.fieldStart, UInt8(ascii: "\"")): state = .quoted
      case (.quoted, UInt8(ascii: "\"")): state = .quoteInQuoted
      case (.quoted, _): field.append(byte)
      case (.quoteInQuoted, UInt8(ascii: "\"")):
        field.append(byte)
        state = .quoted
      case (_, separator): endField()
      case (_, UInt8(ascii: "\n")): endRow()
      case (.quoteInQuoted, UInt8(ascii: "\r")): break
      case (.quoteInQuoted, _):
        throw CLIError(.invalidInput, "\(file):\(line): text after a closing quote; write a quote inside quotes twice")
      case (_, _):
        field.append(byte)
        state = .unquoted
      }
    }

    mutating func finish() throws(CLIError) -> [Row] {
      guard state != .quoted else {
        throw CLIError(.invalidInput, "\(file):\(rowLine): a quote opened in this row is never closed")
      }
      if !field.isEmpty || !cells.isEmpty || state != .fieldStart { endRow() }
      return rows
    }

    private mutating func endField() {
      if state == .unquoted || state == .fieldStart, field.last == UInt8(ascii: "\r") { field.removeLast() }
      cells.append(String(decoding: field, as: UTF8.self))
      field.removeAll(keepingCapacity: true)
      state = .fieldStart
    }

    private mutating func endRow() {
      let isBlank = cells.isEmpty && state != .quoteInQuoted && (field.isEmpty || field == [UInt8(ascii: "\r")])
      endField()
      if !isBlank { rows.append(Row(cells: cells, line: rowLine)) }
      cells.removeAll(keepingCapacity: true)
      rowLine = line
    }
  }
}
