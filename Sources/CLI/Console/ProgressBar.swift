// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Shows how far some work is: a bar that redraws itself on a terminal, a plain line now and then elsewhere.
///
/// Any task may report. Drawing happens under the lock, at most ten times a second, so that lines never mix.
final class ProgressBar: Sendable {
  private struct State {
    var estimate: ProgressEstimate
    var note = ""
    var lastDrawn: Duration?
    var isFinished = false
  }

  private let label: String
  private let unit: String
  private let terminal: Terminal
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private let state: Mutex<State>

  /// - Parameters:
  ///   - total: how many units there are, when that is known.
  ///   - unit: what is counted, in the plural.
  init(_ label: String, total: Int?, unit: String, terminal: Terminal = .standardError) {
    self.label = label
    self.unit = unit
    self.terminal = terminal
    start = clock.now
    state = Mutex(State(estimate: ProgressEstimate(total: total)))
  }

  /// Notes that `completed` units are done; `note` is shown behind the figures.
  func update(completed: Int, note: String = "") {
    let now = clock.now - start
    state.withLock { state in
      guard !state.isFinished else { return }
      state.estimate.record(completed: completed, at: now)
      state.note = note
      let interval: Duration = terminal.isInteractive ? .milliseconds(100) : .seconds(5)
      if let last = state.lastDrawn, now - last < interval { return }
      if state.lastDrawn == nil, !terminal.isInteractive, now < .seconds(1) { return }
      state.lastDrawn = now
      draw(state)
    }
  }

  /// Draws the last state and leaves the line. Returns the time since the beginning.
  @discardableResult
  func finish() -> Duration {
    let now = clock.now - start
    state.withLock { state in
      guard !state.isFinished else { return }
      state.isFinished = true
      draw(state)
      if terminal.isInteractive { terminal.write("\n") }
    }
    return now
  }

  private func draw(_ state: State) {
    let line = ProgressLine(label: label, unit: unit, estimate: state.estimate, note: state.note)
    if let columns = terminal.columns {
      terminal.write("\r\u{1B}[K" + line.bar(columns: columns, terminal: terminal))
    } else {
      terminal.writeLine(line.plain)
    }
  }
}

/// The text of one progress report.
struct ProgressLine: Sendable {
  let label: String
  let unit: String
  let estimate: ProgressEstimate
  let note: String

  /// "Encoding  1,204 of 3,587 items (33%), 41.2 items/s, 58 s left, 3 failed"
  var plain: String { ([label + "  " + counts] + figures).joined(separator: ", ") }

  /// The same with a bar, cut to `columns`.
  func bar(columns: Int, terminal: Terminal) -> String {
    guard let total = estimate.total, columns >= 60 else { return DisplayWidth.truncated(plain, to: columns - 1) }
    let width = columns < 110 ? 12 : 24
    let share = total > 0 ? min(Double(estimate.completed) / Double(total), 1) : 1
    let filled = Int((share * Double(width)).rounded(.down))
    let done = String(repeating: "━", count: filled)
    let rest = String(repeating: "─", count: width - filled)
    let text = ([counts] + figures).joined(separator: ", ")
    let room = columns - 1 - DisplayWidth.of(label) - width - 3
    return label + " " + terminal.styled(done, .green) + terminal.styled(rest, .dim) + "  "
      + DisplayWidth.truncated(text, to: room)
  }

  private var counts: String {
    guard let total = estimate.total else { return "\(estimate.completed.grouped) \(unit)" }
    let percent = total > 0 ? estimate.completed * 100 / total : 100
    return "\(estimate.completed.grouped) of \(total.grouped) \(unit) (\(percent)%)"
  }

  private var figures: [String] {
    var figures: [String] = []
    if let rate = estimate.rate { figures.append("\(rate.rounded(to: rate < 10 ? 2 : 0)) \(unit)/s") }
    if let remaining = estimate.remaining, estimate.completed < (estimate.total ?? 0) {
      figures.append("\(remaining.brief) left")
    }
    if !note.isEmpty { figures.append(note) }
    return figures
  }
}

extension Int {
  /// "1 item", "1,204 items".
  func counted(_ noun: String) -> String { "\(grouped) \(noun)\(self == 1 ? "" : "s")" }

  /// Decimal digits in groups of three: 1,204.
  var grouped: String {
    let digits = Array(String(magnitude))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return self < 0 ? "-" + text : text
  }
}
