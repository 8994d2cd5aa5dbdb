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

  static let style = """
    figure { margin: 0 0 22px } figcaption { font-size: 13px; font-weight: 600; margin: 0 0 6px }
    figure svg { width: 100%; height: auto } .bars { fill: var(--s1) } .axis { font: 11px system-ui, sans-serif; fill: var(--soft) }
    .end { text-anchor: end } .middle { text-anchor: middle } .grid { stroke: var(--line); fill: none }
    td { font-variant-numeric: tabular-nums; text-align: right }
    """

  private static let (width, height) = (860.0, 230.0)
  private static let (left, right, top, bottom) = (58.0, 12.0, 18.0, 40.0)

  var svg: String {
    let step = (Self.width - Self.left - Self.right) / Double(max(bins.count, 1))
    let floor = Self.height - Self.bottom
    let bars = bins.enumerated().map { index, bin in
      let x = Self.left + step * (Double(index) + 0.08)
      let high = largest == 0 ? 0 : Double(bin.count) / Double(largest) * (floor - Self.top)
      let centre = (x + step * 0.42).rounded(to: 1)
      return """
        <rect class="bars" x="\(x.rounded(to: 1))" y="\((floor - high).rounded(to: 1))" width="\((step * 0.84).rounded(to: 1))" \
        height="\(high.rounded(to: 1))"><title>\(Self.label(bin)) \(unit): \(bin.count.counted(counted))</title></rect>
        <text class="axis middle" x="\(centre)" y="\((floor - high - 4).rounded(to: 1))">\(bin.count.grouped)</text>
        <text class="axis middle" x="\(centre)" y="\((floor + 14).rounded(to: 1))">\(Self.label(bin))</text>
        """
    }
    return """
      <figure>
      <figcaption>\(HTMLPage.escaped(title))</figcaption>
      <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-label="\(HTMLPage.escaped(title))">
      <path class="grid" d="M\(Self.left) \(floor)H\(Self.width - Self.right)"/>
      \(bars.joined(separator: "\n"))
      <text class="axis end" x="\(Self.width - Self.right)" y="\((Self.height - 8).rounded(to: 1))">\(HTMLPage.escaped(unit))</text>
      </svg>
      </figure>
      """
  }
}
