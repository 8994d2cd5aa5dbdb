// SPDX-License-Identifier: Apache-2.0

/// A chart of a few lines over time, as SVG within a page.
struct LineChart {
  struct Line {
    let name: String
    /// One of the page's classes s1 to s5.
    let style: String
    /// Nil where nothing was measured.
    let values: [Double?]
    /// Bounds around the line, drawn as a band.
    var band: [(lower: Double, upper: Double)?] = []
  }

  let title: String
  /// Written at the axis, such as "ms".
  let unit: String
  /// Moments of the values, ascending, in seconds.
  let times: [Double]
  /// Where stages begin, with their names.
  let stages: [(time: Double, name: String)]
  let lines: [Line]
  /// Of the values; by default what they need, from 0.
  var range: ClosedRange<Double>?

  private static let (width, height) = (860.0, 220.0)
  private static let (left, right, top, bottom) = (58.0, 12.0, 14.0, 26.0)

  /// CSS of pages with charts.
  static let style = """

    figure { margin: 18px 0 0 } figcaption { font-size: 13px; font-weight: 600; display: flex; flex-wrap: wrap; gap: 4px 20px }
    .keys { font-weight: 400; color: var(--soft); display: flex; gap: 14px } .keys i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px }
    svg { width: 100%; max-width: 860px; height: auto; display: block; overflow: visible }
    .grid { stroke: var(--line); fill: none } .stage { stroke: var(--soft); stroke-dasharray: 3 4; fill: none; opacity: .6 }
    .axis { font: 11px system-ui, sans-serif; fill: var(--soft) } .end { text-anchor: end } .middle { text-anchor: middle }
    .line { fill: none; stroke-width: 2; background: none } .line.s1 { stroke: var(--s1) } .line.s2 { stroke: var(--s2) } .line.s3 { stroke: var(--s3) } .line.s5 { stroke: var(--s5); stroke-dasharray: 2 3 }
    .band { opacity: .18; stroke: none } .band.s3 { fill: var(--s3) }
    """

  var svg: String {
    """
    <figure>
    <figcaption>\(HTMLPage.escaped(title))<span class="keys">\(lines.map(Self.key).joined())</span></figcaption>
    <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-label="\(HTMLPage.escaped(title))">
    \(grid)
    \(stages.map(stageMark).joined(separator: "\n"))
    \(lines.map(drawn).joined(separator: "\n"))
    </svg>
    </figure>
    """
  }

  private static func key(_ line: Line) -> String {
    "<span><i class=\"\(line.style)\"></i>\(HTMLPage.escaped(line.name))</span>"
  }

  private var bounds: ClosedRange<Double> {
    if let range { return range }
    let all = lines.flatMap {
      $0.values.compactMap(\.self) + $0.band.compactMap(\.self).flatMap { [$0.lower, $0.upper] }
    }
    let low = min(0, all.min() ?? 0)
    let high = max(all.max() ?? 1, low + 1e-9)
    return low...(high + (high - low) * 0.05)
  }

  private func x(_ time: Double) -> Double {
    let span = max((times.last ?? 0) - (times.first ?? 0), 1e-9)
    return Self.left + (time - (times.first ?? 0)) / span * (Self.width - Self.left - Self.right)
  }

  private func y(_ value: Double) -> Double {
    let share = (value - bounds.lowerBound) / (bounds.upperBound - bounds.lowerBound)
    return Self.height - Self.bottom - min(max(share, 0), 1) * (Self.height - Self.top - Self.bottom)
  }

  private var grid: String {
    let rows = (0...4).map { step in
      let value = bounds.lowerBound + (bounds.upperBound - bounds.lowerBound) * Double(step) / 4
      let text = value.rounded(to: bounds.upperBound < 2 ? 3 : bounds.upperBound < 20 ? 2 : 0)
      return "<path class=\"grid\" d=\"M\(Self.left) \(y(value).rounded(to: 1))H\(Self.width - Self.right)\"/>"
        + "<text x=\"\(Self.left - 6)\" y=\"\((y(value) + 4).rounded(to: 1))\" class=\"axis end\">\(text)\(unit)</text>"
    }
    let seconds = (times.last ?? 0) - (times.first ?? 0)
    let columns = (0...4).map { step in
      let time = (times.first ?? 0) + seconds * Double(step) / 4
      let anchor = step == 0 ? "start" : step == 4 ? "end" : "middle"
      return "<text x=\"\(x(time).rounded(to: 1))\" y=\"\(Int(Self.height) - 6)\" class=\"axis \(anchor)\">"
        + "\(Duration.seconds(seconds * Double(step) / 4).brief)</text>"
    }
    return (rows + columns).joined(separator: "\n")
  }

  private func stageMark(_ stage: (time: Double, name: String)) -> String {
    let at = x(stage.time).rounded(to: 1)
    return "<path class=\"stage\" d=\"M\(at) \(Self.top)V\(Self.height - Self.bottom)\"/>"
      + "<text x=\"\((x(stage.time) + 4).rounded(to: 1))\" y=\"\(Self.top + 10)\" class=\"axis start\">"
      + "\(HTMLPage.escaped(stage.name))</text>"
  }

  private func drawn(_ line: Line) -> String {
    var path = ""
    var isDown = false
    for (time, value) in zip(times, line.values) {
      guard let value else {
        isDown = false
        continue
      }
      path += "\(isDown ? "L" : "M")\(x(time).rounded(to: 1)) \(y(value).rounded(to: 1))"
      isDown = true
    }
    return band(of: line) + "<path class=\"line \(line.style)\" d=\"\(path)\"/>"
  }

  private func band(of line: Line) -> String {
    let known = zip(times, line.band).compactMap { time, bounds in bounds.map { (time, $0) } }
    guard known.count > 1 else { return "" }
    let there = known.map { "\(x($0.0).rounded(to: 1)) \(y($0.1.upper).rounded(to: 1))" }
    let back = known.reversed().map { "\(x($0.0).rounded(to: 1)) \(y($0.1.lower).rounded(to: 1))" }
    return "<path class=\"band \(line.style)\" d=\"M\((there + back).joined(separator: "L"))Z\"/>"
  }
}
