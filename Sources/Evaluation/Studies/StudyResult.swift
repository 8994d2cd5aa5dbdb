// SPDX-License-Identifier: Apache-2.0

/// What a study measured: figures over one axis, and how they were made. It is written and read as JSON.
package struct StudyResult: Codable, Sendable, Equatable {
  /// What every value of `format` begins with, so that a foreign file is told from one of another version.
  package static let currentFormat = "illmrec-study-1"

  package struct Axis: Codable, Sendable, Equatable {
    package let name: String
    /// "items", "tokens", "share"; empty for none.
    package let unit: String
    /// Names of the places 0, 1, …, when the axis counts no amount.
    package let labels: [String]?

    package init(_ name: String, unit: String, labels: [String]? = nil) {
      self.name = name
      self.unit = unit
      self.labels = labels
    }
  }

  package struct Point: Codable, Sendable, Equatable {
    package let x: Double
    package let value: Double
    /// The interval; both the value itself for what has none.
    package let low: Double
    package let high: Double

    package init(x: Double, _ estimate: Estimate) {
      self.x = x
      value = estimate.value
      low = estimate.low
      high = estimate.high
    }
  }

  /// One method's figures in one metric.
  package struct Series: Codable, Sendable, Equatable {
    package let name: String
    package let metric: String
    package let points: [Point]

    package init(name: String, metric: String, points: [Point]) {
      self.name = name
      self.metric = metric
      self.points = points
    }
  }

  /// One thing that the figures depend on: the command line, a checkpoint's fingerprint.
  package struct Setting: Codable, Sendable, Equatable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package let format: String
  package let study: String
  package let axis: Axis
  package let series: [Series]
  package let settings: [Setting]
  /// "610 users, test item among 100 negatives".
  package let data: String

  package init(study: String, axis: Axis, series: [Series], settings: [Setting], data: String) {
    format = Self.currentFormat
    self.study = study
    self.axis = axis
    self.series = series
    self.settings = settings
    self.data = data
  }

  /// The metrics in the order in which they first appear.
  package var metrics: [String] {
    series.reduce(into: []) { if !$0.contains($1.metric) { $0.append($1.metric) } }
  }

  /// Throws unless figures are finite and every place of a labelled axis has its label: a file may hold anything.
  package func check() throws(EvaluationError) {
    guard format == Self.currentFormat else {
      throw EvaluationError(.malformed, "format is \"\(format)\"; this version reads \"\(Self.currentFormat)\"")
    }
    for series in series {
      for point in series.points {
        guard [point.x, point.value, point.low, point.high].allSatisfy(\.isFinite) else {
          throw EvaluationError(.malformed, "series \(series.name), \(series.metric): a figure is not finite")
        }
        guard let labels = axis.labels else { continue }
        guard point.x >= 0, point.x < Double(labels.count), point.x == point.x.rounded(.down) else {
          throw EvaluationError(
            .malformed, "series \(series.name), \(series.metric): no label for place \(point.x) of \(labels.count)")
        }
      }
    }
  }
}
