// SPDX-License-Identifier: Apache-2.0

import Basics

/// A paragraph for a terminal: laid out by whole words, later lines indented under the first one's text.
///
/// A word that is longer than a line is broken wherever the line ends: nothing is cut away. Where there is no width, as in a pipe,
/// it is one line.
struct WrappedText {
  private struct Piece {
    let text: String
    let style: TextStyle?
  }

  /// Pieces without a space within; `spaces` stand before it, unless a line begins there.
  private struct Word {
    var spaces = 0
    var pieces: [Piece] = []
    var width: Int { pieces.reduce(0) { $0 + DisplayWidth.of($1.text) } }
  }

  private var words = [Word()]
  /// Columns before every line.
  let indent: Int
  /// Columns more before every line but the first.
  let hanging: Int

  init(_ text: String = "", style: TextStyle? = nil, indent: Int = 0, hanging: Int = 2) {
    (self.indent, self.hanging) = (indent, hanging)
    add(text, style)
  }

  /// Adds text behind what is there, without a space of its own. Controls in it are made visible.
  mutating func add(_ text: String, _ style: TextStyle? = nil) {
    var rest = Substring(VisibleText.of(text))
    while !rest.isEmpty {
      let spaces = rest.prefix { $0 == " " }
      if !spaces.isEmpty { words.append(Word(spaces: spaces.count)) }
      let word = rest.dropFirst(spaces.count).prefix { $0 != " " }
      if !word.isEmpty { words[words.count - 1].pieces.append(Piece(text: String(word), style: style)) }
      rest = rest.dropFirst(spaces.count + word.count)
    }
  }

  /// - Parameter columns: of a line, the margin included; nil leaves one line.
  func lines(columns: Int?, styled: @escaping (String, TextStyle) -> String) -> [String] {
    // Where the margin would leave less than a few letters, words are worth more.
    let fits = columns.map { $0 > indent + hanging + Self.narrowest } ?? true
    var layout = Layout(
      columns: columns.map { max($0, 1) }, margins: fits ? (indent, indent + hanging) : (0, 0), styled: styled)
    for word in words where !word.pieces.isEmpty { layout.add(word) }
    return layout.finished()
  }

  private static let narrowest = 8

  private struct Layout {
    let columns: Int?
    let margins: (first: Int, later: Int)
    let styled: (String, TextStyle) -> String
    var lines: [String] = []
    var line = ""
    var used: Int
    var isEmpty = true

    init(columns: Int?, margins: (first: Int, later: Int), styled: @escaping (String, TextStyle) -> String) {
      (self.columns, self.margins, self.styled) = (columns, margins, styled)
      line = String(repeating: " ", count: margins.first)
      used = margins.first
    }

    mutating func add(_ word: Word) {
      let spaces = isEmpty ? 0 : word.spaces
      if let columns, !isEmpty, used + spaces + word.width > columns {
        newLine()
      } else {
        line += String(repeating: " ", count: spaces)
        used += spaces
      }
      for piece in word.pieces { add(piece) }
    }

    private mutating func add(_ piece: Piece) {
      var part = ""
      for character in piece.text {
        let width = DisplayWidth.of(character)
        if let columns, used + width > columns, !(isEmpty && part.isEmpty) {
          flush(&part, piece.style)
          newLine()
        }
        part.append(character)
        used += width
      }
      flush(&part, piece.style)
    }

    private mutating func flush(_ part: inout String, _ style: TextStyle?) {
      guard !part.isEmpty else { return }
      line += style.map { styled(part, $0) } ?? part
      part = ""
      isEmpty = false
    }

    private mutating func newLine() {
      lines.append(line)
      line = String(repeating: " ", count: margins.later)
      used = margins.later
      isEmpty = true
    }

    consuming func finished() -> [String] { lines + [line] }
  }
}

extension WrappedText {
  /// The lines on a terminal. Its last column stays free, because some terminals go on to the next line there.
  func lines(for terminal: Terminal) -> [String] {
    lines(columns: terminal.columns.map { $0 - 1 }) { terminal.styled($0, $1) }
  }
}
