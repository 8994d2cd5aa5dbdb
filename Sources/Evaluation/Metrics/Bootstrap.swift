// SPDX-License-Identifier: Apache-2.0

import Datasets

/// What means over users would be with other users: users drawn anew from those at hand, with replacement.
///
/// Two methods are compared on the same draws, user by user: what is hard for both then does not blur the difference.
///
/// - Source: Efron & Tibshirani 1993, chapter 13 (percentile intervals); Koehn 2004 (paired draws).
package struct Bootstrap: Sendable {
  package var resamples: Int
  package var seed: UInt64
  /// Share of the resamples inside an interval.
  package var confidence: Double

  package init(resamples: Int = 1000, seed: UInt64 = 1, confidence: Double = 0.95) {
    precondition(resamples > 0 && confidence > 0 && confidence < 1)
    self.resamples = resamples
    self.seed = seed
    self.confidence = confidence
  }

  /// The means of each resample, for several values of each user: [columns][resamples].
  ///
  /// - Parameter columns: each of one value a user, all of the same users.
  /// - Complexity: O(resamples · users · columns).
  package func means(of columns: [[Double]]) -> [[Double]] {
    let users = columns.first?.count ?? 0
    precondition(users > 0 && columns.allSatisfy { $0.count == users }, "a value for each user, and at least one user")
    var random = SplitMix64(state: seed)
    var means = columns.map { _ in [Double](repeating: 0, count: resamples) }
    var times = [Double](repeating: 0, count: users)
    for resample in 0..<resamples {
      for user in times.indices { times[user] = 0 }
      for _ in 0..<users { times[random.next(below: users)] += 1 }
      for column in columns.indices {
        var sum = 0.0
        for user in 0..<users { sum += times[user] * columns[column][user] }
        means[column][resample] = sum / Double(users)
      }
    }
    return means
  }

  /// An interval for the mean of each column, on the same draws.
  package func intervals(of columns: [[Double]]) -> [Estimate] {
    zip(columns, means(of: columns)).map { column, means in estimate(of: column.mean, from: means) }
  }

  /// How much larger the mean of `first` is than that of `second`, for values of the same users in the same order.
  package func difference(_ first: [Double], _ second: [Double]) -> Difference { differences([(first, second)])[0] }

  /// The difference of each pair, all on the same draws.
  package func differences(_ pairs: [(first: [Double], second: [Double])]) -> [Difference] {
    guard !pairs.isEmpty else { return [] }
    precondition(pairs.allSatisfy { $0.first.count == $0.second.count }, "values of the same users")
    let means = means(of: pairs.map { zip($0.first, $0.second).map { $0 - $1 } })
    return zip(pairs, means).map { pair, means in
      Difference(
        estimate: estimate(of: pair.first.mean - pair.second.mean, from: means),
        shareNotLarger: Double(means.count { $0 <= 0 }) / Double(resamples))
    }
  }

  private func estimate(of value: Double, from means: [Double]) -> Estimate {
    let sorted = means.sorted()
    let tail = (1 - confidence) / 2
    return Estimate(value: value, low: sorted.quantile(tail), high: sorted.quantile(1 - tail))
  }
}

/// A mean, and the interval it lies in.
package struct Estimate: Sendable, Equatable {
  package let value: Double
  package let low: Double
  package let high: Double

  package init(value: Double, low: Double, high: Double) {
    self.value = value
    self.low = low
    self.high = high
  }
}

/// One method against another on the same users.
package struct Difference: Sendable, Equatable {
  package let estimate: Estimate
  /// Share of the resamples in which the first was not larger: the one-sided p-value.
  package let shareNotLarger: Double
}

extension [Double] {
  /// 0 for none.
  package var mean: Double { isEmpty ? 0 : reduce(0, +) / Double(count) }

  /// Of sorted values, between neighbours in proportion.
  fileprivate func quantile(_ share: Double) -> Double {
    let place = share * Double(count - 1)
    let below = Int(place.rounded(.down))
    let above = Swift.min(below + 1, count - 1)
    return self[below] + (place - Double(below)) * (self[above] - self[below])
  }
}
