// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Quantiles of a stream of positive values in bounded memory.
///
/// Values are counted in buckets whose bounds grow by the factor γ = (1 + α) / (1 − α); bucket i holds (γⁱ⁻¹, γⁱ] and stands for
/// 2γⁱ / (γ + 1). A quantile is off by at most the relative error α = 1%, whatever the distribution: the value returned is
/// within 1% of the sample at that rank. Values outside [1e-3, 1e9] are counted at the nearer bound. Two sketches add up to
/// the sketch of both streams.
///
/// - Complexity: O(1) to add, at most 1,383 buckets of 8 bytes.
/// - Source: Masson, Rim and Lee, DDSketch, VLDB 2019, with fixed bounds instead of collapsing buckets.
package struct QuantileSketch: Sendable, Equatable {
  package static let relativeError = 0.01
  private static let gamma = (1 + relativeError) / (1 - relativeError)
  private static let logGamma = log(gamma)
  private static let range = 1e-3...1e9
  private static let firstBucket = bucket(of: range.lowerBound)
  private static let lastBucket = bucket(of: range.upperBound)

  /// Empty until the first value.
  private var counts: [UInt64] = []
  package private(set) var count: UInt64 = 0

  package init() {}

  package mutating func add(_ value: Double) {
    if counts.isEmpty {
      counts = [UInt64](repeating: 0, count: Self.lastBucket - Self.firstBucket + 1)
    }
    let held = value.isNaN ? Self.range.upperBound : min(max(value, Self.range.lowerBound), Self.range.upperBound)
    counts[Self.bucket(of: held) - Self.firstBucket] += 1
    count += 1
  }

  package mutating func add(_ other: QuantileSketch) {
    guard other.count > 0 else { return }
    guard count > 0 else { return self = other }
    for index in counts.indices { counts[index] += other.counts[index] }
    count += other.count
  }

  /// The value at rank q · (count − 1), within the relative error; nil when nothing was added.
  package func quantile(_ q: Double) -> Double? {
    precondition((0...1).contains(q))
    guard count > 0 else { return nil }
    let rank = UInt64(q * Double(count - 1))
    var seen: UInt64 = 0
    for (index, held) in counts.enumerated() {
      seen += held
      if seen > rank { return Self.value(ofBucket: index + Self.firstBucket) }
    }
    return nil
  }

  private static func bucket(of value: Double) -> Int { Int((log(value) / logGamma).rounded(.up)) }

  private static func value(ofBucket bucket: Int) -> Double { 2 * exp(Double(bucket) * logGamma) / (gamma + 1) }
}
