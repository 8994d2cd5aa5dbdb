// SPDX-License-Identifier: Apache-2.0

import Datasets

/// Bars of a distribution, in text and in SVG.
struct Histogram {
  let title: String
  /// Of the values along the axis.
  let unit: String
  /// What a bar counts, in the singular.
  let counted: String
  let bins: [DatasetStatistics.Bin]

  private var largest: Int { bins.map(\.count).max() ?? 0 }

  private static func label(_ bin: DatasetStatistics.Bin) -> String {
    bin.range.count == 1
      ? bin.range.lowerBound.grouped : "\(bin.range.lowerBound.grouped)-\(bin.range.upperBound.grouped)"
  }

  /// One line a bar: "   16-31 ▇▇▇▇▇▇ 123".
  func lines(columns: Int) -> [String] {
    let labels = bins.map(Self.label)
    let labelWidth = labels.map(\.count).max() ?? 0
    let countWidth = bins.map { $0.count.grouped.count }.max() ?? 0
    let room = max(min(columns - 1 - labelWidth - countWidth - 4, 60), 8)
    return zip(bins, labels).map { bin, label in
      let eighths = largest == 0 ? 0 : (bin.count * room * 8 + largest - 1) / largest
      let padding = String(repeating: " ", count: labelWidth - label.count)
      return "  \(padding)\(label) \(Self.bar(eighths: eighths)) \(bin.count.grouped)"
    }
  }

  /// Block characters have eight widths.
  private static func bar(eighths: Int) -> String {
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
  }

  private static let (width, height) = (860.0, 230.0)
  private static let (left, right, top, bottom) = (58.0, 12.0, 18.0, 40.0)

  var figure: Figure {
    let step = (Self.width - Self.left - Self.right) / Double(max(bins.count, 1))
    let floor = Self.height - Self.bottom
    let bars = bins.enumerated().flatMap { index, bin -> [Figure.Mark] in
      let x = Self.left + step * (Double(index) + 0.08)
      let high = largest == 0 ? 0 : Double(bin.count) / Double(largest) * (floor - Self.top)
      let centre = x + step * 0.42
      return [
        .bar(
          "bars", x: x, y: floor - high, width: step * 0.84, height: high,
          note: "\(Self.label(bin)) \(unit): \(bin.count.counted(counted))"),
        .label("axis middle", x: centre, y: floor - high - 4, bin.count.grouped),
        .label("axis middle", x: centre, y: floor + 14, Self.label(bin)),
      ]
    }
    let axis: [Figure.Mark] = [
      .path("grid", "M\(Self.left) \(floor)H\(Self.width - Self.right)"),
      .label("axis end", x: Self.width - Self.right, y: Self.height - 8, unit),
    ]
    return Figure(
      title: title, description: title, width: Int(Self.width), height: Int(Self.height), marks: axis + bars)
  }
}
