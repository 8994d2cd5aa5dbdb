// SPDX-License-Identifier: Apache-2.0

import Evaluation

/// Curves of a study with their intervals. Places stand where their amounts are.
struct StudyChart {
  let title: String
  let axis: StudyResult.Axis
  let series: [StudyResult.Series]

  private static let (width, height) = (860.0, 280.0)
  private static let (left, right, top, bottom) = (58.0, 20.0, 14.0, 48.0)

  /// Room for four digits.
  private static let labelWidth = 34.0

  var figure: Figure {
    Figure(
      title: title, keys: series.indices.map { .init(name: series[$0].name, style: "curve \(Self.colour($0))") },
      description: "\(title) over \(axis.name)", width: Int(Self.width), height: Int(Self.height),
      marks: grid + series.indices.flatMap(curve))
  }

  private var places: [Double] { Set(series.flatMap { $0.points.map(\.x) }).sorted() }

  private var largest: Double { max(series.flatMap { $0.points.map(\.high) }.max() ?? 1, 1e-9) * 1.05 }

  private var smallest: Double { min(series.flatMap { $0.points.map(\.low) }.min() ?? 0, 0) }

  private static func colour(_ index: Int) -> String { "s\(index % 5 + 1)\(index >= 5 ? " again" : "")" }

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

  private var grid: [Figure.Mark] {
    let rows = (0...4).flatMap { step -> [Figure.Mark] in
      let value = smallest + (largest - smallest) * Double(step) / 4
      let text = value.rounded(to: largest < 2 ? 3 : largest < 20 ? 2 : 0)
      return [
        .path("grid", "M\(Self.left) \(y(value).rounded(to: 1))H\(Self.width - Self.right)"),
        .label("axis end", x: Self.left - 6, y: y(value) + 4, text),
      ]
    }
    let base = Self.height - Self.bottom
    let ticks = places.map { Figure.Mark.path("grid", "M\(x($0).rounded(to: 1)) \(base)v4") }
    let columns = labelled.map { Figure.Mark.label("axis middle", x: x($0), y: base + 18, axis.text($0)) }
    let middle = (Self.left + Self.width - Self.right) / 2
    return rows + ticks + columns + [.label("axis middle", x: middle, y: Self.height - 8, axis.name)]
  }

  private func curve(_ index: Int) -> [Figure.Mark] {
    let colour = Self.colour(index)
    let points = series[index].points.sorted { $0.x < $1.x }
    let path = points.map { "\(x($0.x).rounded(to: 1)) \(y($0.value).rounded(to: 1))" }.joined(separator: "L")
    let marks = points.flatMap { point -> [Figure.Mark] in
      let at = x(point.x)
      return [
        .path(
          "whisker \(colour)", "M\(at.rounded(to: 1)) \(y(point.low).rounded(to: 1))V\(y(point.high).rounded(to: 1))"),
        .dot("mark \(colour)", x: at, y: y(point.value)),
      ]
    }
    return [.path("curve \(colour)", "M\(path)")] + marks
  }
}
