// SPDX-License-Identifier: Apache-2.0

/// Mean, spread and extremes of a stream of values.
///
/// - Source: Welford 1962; numerically stable, one pass.
package struct RunningMean: Sendable, Equatable {
  package private(set) var count: UInt64 = 0
  package private(set) var mean = 0.0
  package private(set) var minimum = 0.0
  package private(set) var maximum = 0.0
  private var squares = 0.0

  package init() {}

  package mutating func add(_ value: Double) {
    count += 1
    minimum = count == 1 ? value : min(minimum, value)
    maximum = count == 1 ? value : max(maximum, value)
    let delta = value - mean
    mean += delta / Double(count)
    squares += delta * (value - mean)
  }

  /// Sample standard deviation; 0 for fewer than two values.
  package var standardDeviation: Double { count < 2 ? 0 : (squares / Double(count - 1)).squareRoot() }
}
