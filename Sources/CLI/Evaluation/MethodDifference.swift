// SPDX-License-Identifier: Apache-2.0

import Evaluation

/// One method against another, user by user. It is written as JSON and read back by reports.
struct MethodDifference: Codable, Equatable {
  struct Figure: Codable, Equatable {
    /// How much larger the method's mean is.
    let value: Double
    /// The interval.
    let low: Double
    let high: Double
    /// Share of the bootstrap samples in which the method was not better.
    let p: Double

    init(_ difference: Difference) {
      value = difference.estimate.value
      low = difference.estimate.low
      high = difference.estimate.high
      p = difference.shareNotLarger
    }

    var estimate: Estimate { Estimate(value: value, low: low, high: high) }
  }

  let method: String
  let against: String
  /// By the metric's name.
  let metrics: [String: Figure]
}

extension Comparison {
  /// Every method against the baseline, and of the others each against those before it; in every metric, all on the same
  /// bootstrap samples.
  var methodDifferences: [MethodDifference] {
    let others = reports.indices.filter { $0 != baseline }
    let pairs =
      others.map { ($0, baseline) }
      + others.indices.flatMap { place in others[..<place].map { (others[place], $0) } }
    let values = reports.map { report in Self.metrics.map(report.values(of:)) }
    let differences = bootstrap.differences(
      pairs.flatMap { method, against in zip(values[method], values[against]).map { ($0, $1) } })
    return pairs.enumerated().map { place, pair in
      let figures = differences[place * Self.metrics.count..<(place + 1) * Self.metrics.count].map(
        MethodDifference.Figure.init)
      return MethodDifference(
        method: reports[pair.0].name, against: reports[pair.1].name,
        metrics: Dictionary(uniqueKeysWithValues: zip(Self.metrics.map(\.description), figures)))
    }
  }
}
