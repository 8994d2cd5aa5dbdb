// SPDX-License-Identifier: Apache-2.0

import Evaluation
import Foundation

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
  var section: String {
    let figures = metrics.map { metric in
      let shown = series.filter { $0.metric == metric }
      let plot = axis.labels == nil && shown.contains { $0.points.count > 1 }
      let chart =
        plot ? StudyChart(title: metric, axis: axis, series: shown).svg : "<h3>\(HTMLPage.escaped(metric))</h3>"
      return chart + table(metric).html
    }
    return """
      <section>
      <h2>\(HTMLPage.escaped(study))</h2>
      <p class="note">\(HTMLPage.escaped(data))</p>
      \(figures.joined(separator: "\n"))
      \(Self.settingsBlock(settings))
      </section>
      """
  }

  static func settingsBlock(_ settings: [Setting]) -> String {
    "<details open><summary>How this was made</summary>\(list(settings))</details>"
  }

  static func list(_ settings: [Setting]) -> String {
    let lines = settings.map {
      "<dt>\(HTMLPage.escaped($0.name))</dt><dd><code>\(HTMLPage.escaped($0.value))</code></dd>"
    }
    return "<dl>\(lines.joined())</dl>"
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
