// SPDX-License-Identifier: Apache-2.0

import Evaluation

/// Curves of a study with their intervals, as SVG within a page. Places stand where their amounts are.
struct StudyChart {
  let title: String
  let axis: StudyResult.Axis
  let series: [StudyResult.Series]

  private static let (width, height) = (860.0, 280.0)
  private static let (left, right, top, bottom) = (58.0, 20.0, 14.0, 48.0)

  /// Room for four digits.
  private static let labelWidth = 34.0

  static let style = """

    .curve { fill: none; stroke-width: 2; background: none } .whisker { fill: none; opacity: .55; background: none } .mark { stroke: none; background: none }
    .curve.s1, .whisker.s1 { stroke: var(--s1) } .curve.s2, .whisker.s2 { stroke: var(--s2) } .curve.s3, .whisker.s3 { stroke: var(--s3) }
    .curve.s4, .whisker.s4 { stroke: var(--s4) } .curve.s5, .whisker.s5 { stroke: var(--s5) } .curve.again { stroke-dasharray: 6 4 }
    .mark.s1 { fill: var(--s1) } .mark.s2 { fill: var(--s2) } .mark.s3 { fill: var(--s3) } .mark.s4 { fill: var(--s4) } .mark.s5 { fill: var(--s5) }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; font-size: 13px; margin: 8px 0 0 } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
    details { margin-top: 18px } summary { font-size: 13px; color: var(--soft) } figure + .scroll { margin-top: 12px } td, th { font-variant-numeric: tabular-nums }
    """

  var svg: String {
    let label = HTMLPage.escaped(title)
    return """
      <figure>
      <figcaption>\(label)<span class="keys">\(series.indices.map(key).joined())</span></figcaption>
      <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-label="\(label) over \(HTMLPage.escaped(axis.name))">
      <title>\(label) over \(HTMLPage.escaped(axis.name))</title>
      \(grid)
      \(series.indices.map(curve).joined(separator: "\n"))
      </svg>
      </figure>
      """
  }

  private var places: [Double] { Set(series.flatMap { $0.points.map(\.x) }).sorted() }

  private var largest: Double { max(series.flatMap { $0.points.map(\.high) }.max() ?? 1, 1e-9) * 1.05 }

  private var smallest: Double { min(series.flatMap { $0.points.map(\.low) }.min() ?? 0, 0) }

  private static func colour(_ index: Int) -> String { "s\(index % 5 + 1)\(index >= 5 ? " again" : "")" }

  private func key(_ index: Int) -> String {
    "<span><i class=\"\(Self.colour(index))\"></i>\(HTMLPage.escaped(series[index].name))</span>"
  }

  private func x(_ place: Double) -> Double {
    let (first, last) = (places.first ?? 0, places.last ?? 0)
    let share = last > first ? (place - first) / (last - first) : 0.5
    return Self.left + 12 + share * (Self.width - Self.left - Self.right - 24)
  }

  /// Places whose labels have room beside each other, chosen from the last downwards.
  private var labelled: [Double] {
    places.reversed().reduce(into: []) { chosen, place in
      if let next = chosen.last, x(next) - x(place) < Self.labelWidth { return }
      chosen.append(place)
    }
  }

  private func y(_ value: Double) -> Double {
    let share = (value - smallest) / (largest - smallest)
    return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
  }

  private var grid: String {
    let rows = (0...4).map { step in
      let value = smallest + (largest - smallest) * Double(step) / 4
      let text = value.rounded(to: largest < 2 ? 3 : largest < 20 ? 2 : 0)
      return "<path class=\"grid\" d=\"M\(Self.left) \(y(value).rounded(to: 1))H\(Self.width - Self.right)\"/>"
        + "<text x=\"\(Self.left - 6)\" y=\"\((y(value) + 4).rounded(to: 1))\" class=\"axis end\">\(text)</text>"
    }
    let base = Self.height - Self.bottom
    let ticks = places.map { "<path class=\"grid\" d=\"M\(x($0).rounded(to: 1)) \(base)v4\"/>" }
    let columns = labelled.map { place in
      "<text x=\"\(x(place).rounded(to: 1))\" y=\"\(base + 18)\" class=\"axis middle\">"
        + "\(HTMLPage.escaped(axis.text(place)))</text>"
    }
    let middle = (Self.left + Self.width - Self.right) / 2
    let name =
      "<text x=\"\(middle)\" y=\"\(Self.height - 8)\" class=\"axis middle\">\(HTMLPage.escaped(axis.name))</text>"
    return (rows + ticks + columns + [name]).joined(separator: "\n")
  }

  private func curve(_ index: Int) -> String {
    let colour = Self.colour(index)
    let points = series[index].points.sorted { $0.x < $1.x }
    let path = points.map { "\(x($0.x).rounded(to: 1)) \(y($0.value).rounded(to: 1))" }.joined(separator: "L")
    let marks = points.map { point in
      let at = x(point.x).rounded(to: 1)
      return
        "<path class=\"whisker \(colour)\" d=\"M\(at) \(y(point.low).rounded(to: 1))V\(y(point.high).rounded(to: 1))\"/>"
        + "<circle class=\"mark \(colour)\" cx=\"\(at)\" cy=\"\(y(point.value).rounded(to: 1))\" r=\"3\"/>"
    }
    return "<path class=\"curve \(colour)\" d=\"M\(path)\"/>" + marks.joined()
  }
}
