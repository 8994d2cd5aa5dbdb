// SPDX-License-Identifier: Apache-2.0

/// A chart of a few lines over time.
///
/// Lines are told apart by colour, by dashes, so that one above another lets it through, and by their names at their ends.
struct LineChart {
  struct Line {
    let name: String
    /// One of the page's classes s1 to s5; later ones are drawn above, with shorter dashes.
    let style: String
    /// Nil where nothing was measured.
    let values: [Double?]
    /// Bounds around the line, drawn as a band.
    var band: [(lower: Double, upper: Double)?] = []
  }

  let title: String
  /// Written at the axis, such as "ms".
  let unit: String
  /// Moments of the values in seconds.
  let times: [Double]
  /// Where stages begin, with their names.
  let stages: [(time: Double, name: String)]
  let lines: [Line]
  /// Of the values; by default what they need, from 0.
  var range: ClosedRange<Double>?
  /// What stands at a moment of the axis; by default the time since the first.
  var timeText: (@Sendable (Double) -> String)?

  private static let longestName = 24

  var figure: Figure {
    let plot = Plot(self)
    var marks = grid(plot) + stageMarks(plot)
    for line in lines { marks += band(of: line, plot) }
    for line in lines { marks += drawn(line, plot) }
    marks += names(plot)
    return Figure(
      title: title, keys: lines.map { .init(name: $0.name, style: "line \($0.style)") }, description: title,
      width: Int(Plot.width), height: Int(Plot.height), marks: marks)
  }

  private func grid(_ plot: Plot) -> [Figure.Mark] {
    let (low, high) = (plot.range.lowerBound, plot.range.upperBound)
    let digits = high < 2 ? 3 : high < 20 ? 2 : 0
    let rows = (0...4).flatMap { step -> [Figure.Mark] in
      let value = low + (high - low) * Double(step) / 4
      let y = plot.y(value)
      return [
        .path("grid", "M\(Plot.left) \(y.rounded(to: 1))H\(Plot.width - Plot.right)"),
        .label("axis end", x: Plot.left - 6, y: y + 4, value.rounded(to: digits) + unit),
      ]
    }
    let seconds = plot.last - plot.first
    // A moment with its day is longer than a time.
    let steps = timeText == nil ? 4 : 3
    let columns = (0...steps).filter { $0 == 0 || seconds > 0 }.map { step -> Figure.Mark in
      let time = plot.first + seconds * Double(step) / Double(steps)
      let anchor = step == 0 ? "start" : step == steps ? "end" : "middle"
      return .label(
        "axis \(anchor)", x: plot.x(time), y: Plot.height - 6,
        timeText.map { $0(time) } ?? Duration.seconds(time - plot.first).brief)
    }
    return rows + columns
  }

  /// Names stand on two rows in turn, and those without room are left to the table of the stages.
  private func stageMarks(_ plot: Plot) -> [Figure.Mark] {
    var ends = [-Double.infinity, -Double.infinity]
    return stages.flatMap { stage -> [Figure.Mark] in
      let at = plot.x(stage.time)
      let line = Figure.Mark.path("stage", "M\(at.rounded(to: 1)) \(Plot.top)V\(Plot.height - Plot.bottom)")
      guard let row = ends.indices.first(where: { ends[$0] < at }) else { return [line] }
      ends[row] = at + 8 + 6.5 * Double(stage.name.count)
      return [line, .label("axis start", x: at + 4, y: Plot.top - 16 + 11 * Double(row), stage.name)]
    }
  }

  /// A value without neighbours is a dot: a line of one point is not seen.
  private func drawn(_ line: Line, _ plot: Plot) -> [Figure.Mark] {
    var path = ""
    var dots: [Figure.Mark] = []
    for run in runs(of: line.values) {
      let points = run.map { "\(plot.x(times[$0.place]).rounded(to: 1)) \(plot.y($0.value).rounded(to: 1))" }
      if points.count > 1 {
        path += "M" + points.joined(separator: "L")
      } else {
        dots.append(.dot("mark \(line.style)", x: plot.x(times[run[0].place]), y: plot.y(run[0].value)))
      }
    }
    return (path.isEmpty ? [] : [.path("line \(line.style)", path)]) + dots
  }

  /// The band and its edges; around a single value a whisker.
  private func band(of line: Line, _ plot: Plot) -> [Figure.Mark] {
    runs(of: line.band).flatMap { run -> [Figure.Mark] in
      let x = run.map { plot.x(times[$0.place]).rounded(to: 1) }
      let upper = zip(x, run).map { "\($0) \(plot.y($1.value.upper).rounded(to: 1))" }
      let lower = zip(x, run).map { "\($0) \(plot.y($1.value.lower).rounded(to: 1))" }
      guard run.count > 1 else { return [.path("whisker \(line.style)", "M\(upper[0])L\(lower[0])")] }
      let outline = (upper + lower.reversed()).joined(separator: "L")
      let edges = "M" + upper.joined(separator: "L") + "M" + lower.joined(separator: "L")
      return [.path("band \(line.style)", "M\(outline)Z"), .path("edge \(line.style)", edges)]
    }
  }

  /// Values that follow each other without a gap, with their places. A stage begins one of its own: its figures begin afresh.
  private func runs<Value>(of values: [Value?]) -> [[(place: Int, value: Value)]] {
    let begins = Set(stages.map(\.time))
    var runs: [[(place: Int, value: Value)]] = []
    var isOpen = false
    for (place, value) in values.prefix(times.count).enumerated() {
      guard let value else {
        isOpen = false
        continue
      }
      if !isOpen || begins.contains(times[place]) { runs.append([]) }
      runs[runs.count - 1].append((place, value))
      isOpen = true
    }
    return runs
  }

  /// Each line's name behind its last value, moved where two would stand on each other.
  private func names(_ plot: Plot) -> [Figure.Mark] {
    let ends = lines.compactMap { line -> (name: String, y: Double)? in
      guard let place = line.values.lastIndex(where: { $0 != nil }), let value = line.values[place] else { return nil }
      return (DisplayWidth.truncated(line.name, to: Self.longestName), plot.y(value) + 4)
    }.sorted { $0.y < $1.y }
    let lowest = Plot.height - Plot.bottom + 4
    var free = -Double.infinity
    var placed = ends.map { end -> (name: String, y: Double) in
      let y = max(end.y, free)
      free = y + 12
      return (end.name, y)
    }
    var ceiling = lowest
    for place in placed.indices.reversed() {
      placed[place].y = min(placed[place].y, ceiling)
      ceiling = placed[place].y - 12
    }
    return placed.map { .label("direct start", x: Plot.width - Plot.right + 6, y: $0.y, $0.name) }
  }
}

/// Where times and values stand.
private struct Plot {
  static let (width, height) = (860.0, 240.0)
  static let (left, right, top, bottom) = (58.0, 150.0, 30.0, 26.0)

  let first: Double
  let last: Double
  let range: ClosedRange<Double>

  init(_ chart: LineChart) {
    (first, last) = (chart.times.min() ?? 0, chart.times.max() ?? 0)
    range = chart.range ?? Self.range(of: chart.lines)
  }

  private static func range(of lines: [LineChart.Line]) -> ClosedRange<Double> {
    var (low, high): (Double, Double?) = (0, nil)
    for line in lines {
      for value in line.values {
        guard let value, value.isFinite else { continue }
        (low, high) = (min(low, value), max(high ?? value, value))
      }
      for bounds in line.band {
        guard let bounds else { continue }
        (low, high) = (min(low, bounds.lower), max(high ?? bounds.upper, bounds.upper))
      }
    }
    let top = max(high ?? 1, low + 1e-9)
    return low...(top + (top - low) * 0.05)
  }

  func x(_ time: Double) -> Double {
    let span = last - first
    guard span > 0 else { return (Self.left + Self.width - Self.right) / 2 }
    return Self.left + min(max((time - first) / span, 0), 1) * (Self.width - Self.left - Self.right)
  }

  func y(_ value: Double) -> Double {
    let share = (value - range.lowerBound) / max(range.upperBound - range.lowerBound, 1e-12)
    let within = share.isFinite ? min(max(share, 0), 1) : 0
    return Self.height - Self.bottom - within * (Self.height - Self.top - Self.bottom)
  }
}
