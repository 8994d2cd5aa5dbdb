// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A few lines at the bottom of a terminal that are redrawn in place; elsewhere a line at a time.
final class LiveScreen: Sendable {
  private struct State {
    /// Columns of each line on the screen that the next drawing replaces.
    var drawn: [Int] = []
    var hasLeft = false
  }

  let terminal: Terminal
  private let state = Mutex(State())

  init(terminal: Terminal) { self.terminal = terminal }

  /// Shows `lines` in place of what was shown before, or writes `plain` where nothing can be replaced.
  func show(_ lines: [String], plain: String) {
    guard terminal.isInteractive else { return terminal.writeLine(plain) }
    state.withLock { state in
      guard !state.hasLeft else { return }
      let window = terminal.size ?? .init(columns: 80, rows: 24)
      let shown = Self.fitting(lines, in: window)
      // A line that was drawn in a wider window takes several rows of a narrower one.
      let rows = state.drawn.reduce(0) { $0 + max(1, ($1 + window.columns - 1) / window.columns) }
      // Hide the cursor, go up, and clear to the end of the screen: one write, so that nothing flickers.
      let up = rows > 0 ? "\u{1B}[\(rows)A" : ""
      terminal.write("\u{1B}[?25l\r" + up + "\u{1B}[J" + shown.joined(separator: "\n") + "\n")
      state.drawn = shown.map(Self.width)
    }
  }

  /// What a window of so many rows can hold and redraw: what scrolls out of it cannot be replaced.
  static func fitting(_ lines: [String], in window: Terminal.Size) -> [String] {
    let room = max(window.rows - 1, 2)
    guard lines.count > room else { return lines }
    let left = (lines.count - room + 1).counted("more line")
    let note = "… \(left): a higher window shows them, and `illmrec index rollout status`"
    return lines.prefix(room - 1) + [DisplayWidth.truncated(note, to: window.columns - 1)]
  }

  /// Columns of a line, its SGR sequences left out. By scalars: their last letter and an accent after it are one character.
  private static func width(_ line: String) -> Int {
    var shown = String.UnicodeScalarView()
    var isEscape = false
    for scalar in line.unicodeScalars {
      if scalar == "\u{1B}" { isEscape = true }
      if !isEscape { shown.append(scalar) }
      if scalar == "m" { isEscape = false }
    }
    return DisplayWidth.of(String(shown))
  }

  /// Leaves what is shown, with the cursor below it. May be called more than once.
  func leave() {
    guard terminal.isInteractive else { return }
    state.withLock { state in
      guard !state.hasLeft else { return }
      state.hasLeft = true
      terminal.write("\u{1B}[?25h")
    }
  }
}
