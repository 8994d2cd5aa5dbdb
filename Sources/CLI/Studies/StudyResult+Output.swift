// SPDX-License-Identifier: Apache-2.0

import Evaluation
import Foundation
import Pages

extension StudyResult {
  /// A line for each place of the axis, a column for each series of a metric.
  func table(_ metric: String) -> TextTable {
    let shown = series.filter { $0.metric == metric }
    var table = TextTable([.init(axis.name)] + shown.map { .init($0.name, .trailing) })
    let places = Set(shown.flatMap { $0.points.map(\.x) }).sorted()
    for place in places {
      table.add(
        [axis.text(place)]
          + shown.map { series in
            series.points.first { $0.x == place }.map(\.text) ?? ""
          })
    }
    return table
  }

  func write(to terminal: Terminal) {
    terminal.writeLine(terminal.styled("\(study): \(data)", .dim))
    for metric in metrics {
      terminal.writeLine()
      terminal.writeLine(metric)
      table(metric).write(to: terminal)
    }
    terminal.writeLine()
    for setting in settings { terminal.writeLine(terminal.styled("\(setting.name): \(setting.value)", .dim)) }
  }

  var json: Data {
    get throws { Data((try JSONOutput.text(self) + "\n").utf8) }
  }

  /// Plots, tables and settings, as part of a page.
  var section: PageSection {
    let figures = metrics.flatMap { metric -> [any PagePart] in
      let shown = series.filter { $0.metric == metric }
      let plot = axis.labels == nil && shown.contains { $0.points.count > 1 }
      let head: any PagePart =
        plot ? StudyChart(title: metric, axis: axis, series: shown).figure : PageParagraph("metric", metric)
      return [head, table(metric).part]
    }
    return PageSection(study, [PageParagraph("note", data)] + figures + [Self.settingsBlock(settings)])
  }

  static func settingsBlock(_ settings: [Setting]) -> PageDetails {
    PageDetails(summary: "How this was made", isOpen: true, parts: [list(settings)])
  }

  static func list(_ settings: [Setting]) -> PageFacts {
    PageFacts(facts: settings.map { .init(name: $0.name, value: $0.value) })
  }
}

extension StudyResult.Axis {
  /// A place as tables show it.
  func text(_ place: Double) -> String {
    if let labels, labels.indices.contains(Int(place)) { return labels[Int(place)] }
    return place == place.rounded() ? place.rounded(to: 0) : place.significant(digits: 3)
  }
}

extension StudyResult.Point {
  fileprivate var text: String {
    let digits = value.magnitude < 10 ? 3 : 1
    guard high > low else { return value.rounded(to: digits) }
    return "\(value.rounded(to: digits)) ± \(((high - low) / 2).rounded(to: digits))"
  }
}
