// SPDX-License-Identifier: Apache-2.0

/// The recent rate of some work and when it will end.
///
/// The rate is taken over a sliding window, because a resumed job begins with cache hits that say nothing about the
/// rest.
struct ProgressEstimate: Sendable {
  private static let window = Duration.seconds(15)
  private var samples: [(time: Duration, completed: Int)] = [(.zero, 0)]
  let total: Int?

  init(total: Int?) { self.total = total }

  var completed: Int { samples.last?.completed ?? 0 }

  /// Notes that `completed` units were done when `time` had passed since the beginning.
  mutating func record(completed: Int, at time: Duration) {
    samples.append((time, completed))
    while samples.count > 2, time - samples[1].time >= Self.window { samples.removeFirst() }
  }

  /// Units per second over the window; nil before anything was measured.
  var rate: Double? {
    guard let first = samples.first, let last = samples.last, last.time > first.time else { return nil }
    return Double(last.completed - first.completed) / (last.time - first.time).seconds
  }

  /// Time until `total` at the present rate; nil while that cannot be said.
  var remaining: Duration? {
    guard let total, let rate, rate > 0 else { return nil }
    return .seconds(Double(max(total - completed, 0)) / rate)
  }
}

extension Duration {
  /// The duration in seconds.
  var seconds: Double { self / .seconds(1) }

  /// "850 ms", "4.2 s", "3 min 20 s" or "2 h 05 min".
  var brief: String {
    let total = seconds
    switch total {
    case ..<1: return "\(Int((total * 1000).rounded())) ms"
    case ..<60: return "\(total.rounded(to: 1)) s"
    case ..<3600: return "\(Int(total) / 60) min \(Int(total) % 60) s"
    default: return "\(Int(total) / 3600) h \(Int(total) % 3600 / 60) min"
    }
  }
}

extension Double {
  /// The decimal text of the value with `digits` digits after the point.
  func rounded(to digits: Int) -> String {
    guard isFinite else { return description }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (self * scale).rounded()
    guard digits > 0, scaled.magnitude < 9e15 else { return "\(Int64(clamping: rounded()))" }
    let magnitude = Int64(scaled.magnitude)
    let fraction = String(magnitude % Int64(scale))
    let zeros = String(repeating: "0", count: digits - fraction.count)
    return (scaled < 0 ? "-" : "") + "\(magnitude / Int64(scale)).\(zeros)\(fraction)"
  }
}

extension Int64 {
  fileprivate init(clamping value: Double) {
    self = value >= 9.2e18 ? .max : value <= -9.2e18 ? .min : Int64(value)
  }
}
