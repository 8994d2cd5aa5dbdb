// SPDX-License-Identifier: Apache-2.0

/// What a metric is: its name as Prometheus knows it, and what a person is told of it.
package struct MetricDescription: Sendable, Equatable {
  package enum Kind: String, Sendable {
    case counter
    case gauge
    case histogram
  }

  package let name: String
  package let kind: Kind
  /// One sentence, with the unit.
  package let help: String
  /// Names of its labels.
  package let labels: [String]
  /// Upper bounds of a histogram's buckets, rising; the one without a bound is not named.
  package let buckets: [Double]

  package init(
    _ kind: Kind, _ name: String, labels: [String] = [], buckets: [Double] = MetricDescription.seconds, _ help: String
  ) {
    self.name = name
    self.kind = kind
    self.help = help
    self.labels = labels
    self.buckets = kind == .histogram ? buckets : []
  }

  /// From a millisecond to the minutes of a bulk stream.
  package static let seconds = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
  ]
  /// Powers of two, for things that are counted.
  package static let counts: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
}

/// A value that is read when somebody looks, rather than kept.
package struct MetricSample: Sendable {
  package let name: String
  package let labels: [(String, String)]
  package let value: Double

  package init(_ name: String, _ labels: [(String, String)] = [], _ value: Double) {
    self.name = name
    self.labels = labels
    self.value = value
  }
}
