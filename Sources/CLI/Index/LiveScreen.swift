// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A few lines at the bottom of a terminal that are redrawn in place; elsewhere a line at a time.
final class LiveScreen: Sendable {
  private struct State {
    /// Lines on the screen that the next drawing replaces.
    var drawn = 0
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
      // Hide the cursor, go up, and clear to the end of the screen: one write, so that nothing flickers.
      let up = state.drawn > 0 ? "\u{1B}[\(state.drawn)A" : ""
      terminal.write("\u{1B}[?25l\r" + up + "\u{1B}[J" + lines.joined(separator: "\n") + "\n")
      state.drawn = lines.count
    }
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
