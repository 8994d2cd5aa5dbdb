// SPDX-License-Identifier: Apache-2.0

import Basics

/// A table of text in aligned columns.
///
/// On a terminal the flexible columns give way until the rows fit; into a pipe nothing is cut.
struct TextTable: Sendable {
  struct Column: Sendable {
    enum Alignment: Sendable { case leading, trailing }

    let header: String
    let alignment: Alignment
    /// May be cut on a narrow terminal.
    let isFlexible: Bool

    init(_ header: String, _ alignment: Alignment = .leading, isFlexible: Bool = false) {
      self.header = header
      self.alignment = alignment
      self.isFlexible = isFlexible
    }
  }

  let columns: [Column]
  private(set) var rows: [[String]] = []
  private static let gap = 2
  private static let narrowestFlexible = 8

  init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row. Line breaks and tabs become spaces, other controls and what turns the writing around their numbers: a title cannot
  /// break the table, nor look like another one.
  mutating func add(_ cells: [String]) {
    precondition(cells.count == columns.count, "a row needs one cell per column")
    rows.append(cells.map(Self.printable))
  }

  /// The table's lines, the header first.
  func lines(for terminal: Terminal) -> [String] {
    let widths = fittedWidths(available: terminal.columns)
    let header = line(columns.map(\.header), widths: widths)
    return [terminal.styled(header, .bold)] + rows.map { line($0, widths: widths) }
  }

  func write(to terminal: Terminal) {
    for line in lines(for: terminal) { terminal.writeLine(line) }
  }

  private static func printable(_ text: String) -> String {
    VisibleText.of(String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 }))
  }

  private func line(_ cells: [String], widths: [Int]) -> String {
    var text = ""
    for (index, cell) in cells.enumerated() {
      let shown = DisplayWidth.truncated(cell, to: widths[index])
      let padding = String(repeating: " ", count: widths[index] - DisplayWidth.of(shown))
      let isLast = index == cells.count - 1
      switch columns[index].alignment {
      case .leading: text += isLast ? shown : shown + padding
      case .trailing: text += padding + shown
      }
      if !isLast { text += String(repeating: " ", count: Self.gap) }
    }
    return text
  }

  private func fittedWidths(available: Int?) -> [Int] {
    var widths = columns.indices.map { index in
      rows.reduce(DisplayWidth.of(columns[index].header)) { max($0, DisplayWidth.of($1[index])) }
    }
    guard let available else { return widths }
    var excess = widths.reduce(0, +) + Self.gap * (columns.count - 1) - available
    while excess > 0 {
      let candidates = columns.indices.filter { columns[$0].isFlexible && widths[$0] > Self.narrowestFlexible }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return widths
  }
}
