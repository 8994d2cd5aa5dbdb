// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Foundation

/// Methods side by side, as people and programs read them.
struct Comparison {
  let data: String
  let task: RankingTask
  let reports: [MethodReport]
  /// Index of the report that the others are compared with.
  let baseline: Int
  let bootstrap: Bootstrap
  /// By which the methods are compared, too; none when that was not asked for.
  var bands: [PopularityBand] = []
  /// Of the method `generation`, for each user, by its index in the dataset.
  var generatedTitles: [Int: String] = [:]

  static let metrics = Metric.standard
  /// What the paired comparison is made in.
  static let comparedMetrics: [Metric] = [.hit(5), .ndcg(5)]

  /// "610 users, test item among 100 negatives".
  var summary: String {
    let others = task.query(of: task.users[0]).candidates.count - 1
    let among = task.candidates == .negatives ? "\(others.grouped) negatives" : "all items the user has not met"
    return "\(task.users.count.counted("user")), \(task.part.rawValue) item among \(among)"
  }

  /// A line for each method.
  var table: TextTable {
    var table = TextTable(
      [.init("method")] + Self.metrics.map { .init($0.description, .trailing) }
        + [.init("coverage@\(RankingResult.coverageDepth)", .trailing), .init("s/100 users", .trailing)]
        + (readsPrompts ? [.init("tokens/user", .trailing)] : []))
    for report in reports {
      let estimates = report.estimates(of: Self.metrics, bootstrap).map(\.text)
      table.add(
        [report.name] + estimates + [report.coverage.rounded(to: 3), report.secondsPer100Users.significant(digits: 3)]
          + (readsPrompts ? [report.tokensPerUser.map { $0.rounded(to: 1) } ?? ""] : []))
    }
    return table
  }

  /// Every other method against the baseline.
  var differences: TextTable {
    var table = TextTable(
      [.init("against \(reports[baseline].name)")] + Self.comparedMetrics.map { .init($0.description, .trailing) }
        + Self.comparedMetrics.map { .init("p (\($0))", .trailing) }
        + (readsPrompts ? [.init("speed", .trailing)] : []))
    for (index, report) in reports.enumerated() where index != baseline {
      table.add(
        [report.name] + differences(of: report, from: reports[baseline]) + (readsPrompts ? [speed(of: report)] : []))
    }
    return table
  }

  /// Every method against the one before it.
  var steps: TextTable {
    var table = TextTable(
      [.init("step"), .init("against")] + Self.comparedMetrics.map { .init($0.description, .trailing) }
        + Self.comparedMetrics.map { .init("p (\($0))", .trailing) })
    for (before, report) in zip(reports, reports.dropFirst()) {
      table.add([report.name, before.name] + differences(of: report, from: before))
    }
    return table
  }

  /// The differences and their p, in the compared metrics.
  private func differences(of report: MethodReport, from other: MethodReport) -> [String] {
    let differences = Self.comparedMetrics.map { bootstrap.difference(report.values(of: $0), other.values(of: $0)) }
    return differences.map(\.estimate.signedText) + differences.map { $0.shareNotLarger.rounded(to: 3) }
  }

  /// Whether there is a method whose time goes into prompts.
  private var readsPrompts: Bool { reports.contains { $0.tokensPerUser != nil } }

  /// "2.93x": the baseline's seconds by the method's, when both read prompts.
  private func speed(of report: MethodReport) -> String {
    guard report.tokensPerUser != nil, reports[baseline].tokensPerUser != nil else { return "" }
    let ratio = reports[baseline].secondsPer100Users / report.secondsPer100Users
    return ratio.isFinite ? ratio.significant(digits: 3) + "x" : ""
  }

  /// The methods with their settings, and with each seed's figures when there are several.
  var notes: [String] {
    reports.flatMap { report in
      ["\(report.name): \(report.note)"]
        + (report.seeds.count < 2
          ? []
          : zip(report.seeds, report.results).map { seed, result in
            let figures = Self.comparedMetrics.map { "\($0) \($0.mean(over: result.ranks).rounded(to: 3))" }
            return "  seed \(seed): \(figures.joined(separator: ", "))"
          })
    }
  }

  /// Users whose held-out item was met that often in training: "0 (312 users)".
  static func title(of band: PopularityBand) -> String {
    "\(band.text) (\(band.places.count.counted("user")))"
  }

  /// One metric of each method, by how often the held-out item was met in training.
  func table(by metric: Metric) -> TextTable {
    var table = TextTable(
      [.init("\(metric), met in training")] + bands.map { .init(Self.title(of: $0), .trailing) })
    for report in reports {
      table.add([report.name] + bands.map { report.estimates(of: [metric], in: $0, bootstrap)[0].text })
    }
    return table
  }

  func write(to terminal: Terminal) {
    terminal.writeLine(terminal.styled(summary, .dim))
    table.write(to: terminal)
    if reports.count > 1 {
      terminal.writeLine()
      differences.write(to: terminal)
    }
    for metric in bands.isEmpty ? [] : Self.comparedMetrics {
      terminal.writeLine()
      table(by: metric).write(to: terminal)
    }
    terminal.writeLine()
    for note in notes { terminal.writeLine(terminal.styled(note, .dim)) }
  }
}

extension Estimate {
  /// "0.448 ± 0.040": half the interval, which is nearly symmetric for means.
  var text: String { "\(value.rounded(to: 3)) ± \(((high - low) / 2).rounded(to: 3))" }

  var signedText: String { (value >= 0 ? "+" : "") + text }
}

extension Double {
  /// Digits enough to tell small times apart: 0.00213, 12.1.
  func significant(digits: Int) -> String {
    guard isFinite, self != 0 else { return "0" }
    let magnitude = Int(log10(magnitude).rounded(.down))
    return rounded(to: min(max(digits - 1 - magnitude, 0), 7))
  }
}
