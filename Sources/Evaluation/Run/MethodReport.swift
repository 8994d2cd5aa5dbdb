// SPDX-License-Identifier: Apache-2.0

/// One method's rankings of a task, with every seed that it was made with.
package struct MethodReport: Sendable {
  package let name: String
  /// What it was made with, for people.
  package let note: String
  /// Empty for a method that chance has no part in.
  package let seeds: [UInt64]
  /// One for each seed, and at least one; all of the same users.
  package let results: [RankingResult]

  package init(name: String, note: String = "", seeds: [UInt64] = [], results: [RankingResult]) {
    precondition(!results.isEmpty && results.allSatisfy { $0.ranks.count == results[0].ranks.count })
    self.name = name
    self.note = note
    self.seeds = seeds
    self.results = results
  }

  /// A metric's value for each user: the mean over the seeds.
  package func values(of metric: Metric) -> [Double] {
    let columns = results.map { $0.values(of: metric) }
    return columns[0].indices.map { user in columns.reduce(0) { $0 + $1[user] } / Double(columns.count) }
  }

  /// Each metric's mean over users, and where it would be with other users.
  package func estimates(of metrics: [Metric], _ bootstrap: Bootstrap) -> [Estimate] {
    bootstrap.intervals(of: metrics.map(values(of:)))
  }

  package var coverage: Double { results.map(\.coverage).mean }
  /// Nil for a method without prompts.
  package var tokensPerUser: Double? {
    let counts = results.compactMap(\.tokensPerUser)
    return counts.isEmpty ? nil : counts.mean
  }
  package var secondsPer100Users: Double { results.map(\.secondsPer100Users).mean }
}
