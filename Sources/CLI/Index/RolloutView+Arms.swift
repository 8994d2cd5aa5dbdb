// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

extension RolloutView {
  /// One version's figures, each with its name.
  private typealias Row = [(name: String, value: String)]

  /// The two versions side by side; in a window that is too narrow for the table, a paragraph for each.
  func arms(_ figures: Retrieval_RolloutFigures, _ terminal: Terminal) -> [String] {
    let rows = rows(figures)
    var table = TextTable(rows[0].indices.map { .init(rows[0][$0].name, $0 == 0 ? .leading : .trailing) })
    for row in rows { table.add(row.map(\.value)) }
    let plain = table.lines(for: Terminal(descriptor: -1, isInteractive: false, usesColour: false))
    let width = plain.map(DisplayWidth.of).max() ?? 0
    guard let columns = terminal.columns, width + 2 > columns - 1 else {
      return table.lines(for: terminal).map { "  " + $0 }
    }
    return rows.flatMap { row in
      let rest = row.dropFirst().map { "\($0.name.lowercased()) \($0.value)" }.joined(separator: ", ")
      return WrappedText("\(row[0].value): \(rest)", indent: 2).lines(for: terminal)
    }
  }

  private func rows(_ figures: Retrieval_RolloutFigures) -> [Row] {
    let planned = Int(serving.rollout.presentStage?.canaryPermille ?? 0)
    let shares = figures.shares
    return [
      row("stable", figures.baseline, share: shares?.baseline, planned: 1000 - planned),
      row("candidate", figures.candidate, share: shares?.candidate, planned: planned),
    ]
  }

  private func row(_ name: String, _ version: Retrieval_VersionFigures, share: Double?, planned: Int) -> Row {
    [
      ("", name), ("SHARE", share.map { ($0 * 100).rounded(to: 1) + "%" } ?? "-"),
      ("PLANNED", Self.percent(UInt32(clamping: planned))), ("QUERIES", Int(version.queries).grouped),
      ("ERRORS", Int(version.errors).grouped), ("P50 MS", Self.millis(version.p50Micros)),
      ("P99 MS", Self.millis(version.p99Micros)), ("SHADOW", Int(version.shadowSearches).grouped),
      ("SETTLED", Int(version.settledAnswers).grouped),
    ]
  }

  static func percent(_ permille: UInt32) -> String {
    permille % 10 == 0 ? "\(permille / 10)%" : "\((Double(permille) / 10).rounded(to: 1))%"
  }

  private static func millis(_ micros: Double) -> String { micros == 0 ? "-" : (micros / 1000).rounded(to: 2) }
}

extension Retrieval_RolloutFigures {
  /// Queries that callers asked, of both versions.
  var queries: UInt64 { baseline.queries + candidate.queries }

  /// Shares of the users that were met, or of the queries where a server counts no users; nil before the first.
  var shares: (baseline: Double, candidate: Double)? {
    let keys = Double(baseline.routingKeys) + Double(candidate.routingKeys)
    if keys > 0 { return (Double(baseline.routingKeys) / keys, Double(candidate.routingKeys) / keys) }
    let queries = Double(baseline.queries) + Double(candidate.queries)
    return queries > 0 ? (Double(baseline.queries) / queries, Double(candidate.queries) / queries) : nil
  }
}

extension Retrieval_Rollout {
  /// Nil where the plan has no such stage.
  var presentStage: Retrieval_RolloutStage? { Int(stage) < plan.stages.count ? plan.stages[Int(stage)] : nil }
}

extension Retrieval_RolloutStage {
  /// "shadow", "0.5%", "10%"
  var shareText: String { canaryPermille == 0 ? "shadow" : RolloutView.percent(canaryPermille) }
}
