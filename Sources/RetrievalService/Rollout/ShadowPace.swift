// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Whether the callers' searches were at work, as the search thread tells it.
final class SearchActivity: Sendable {
  /// Odd while a batch is being searched for.
  private let changes = Atomic<UInt64>(0)

  func begin() { changes.add(1, ordering: .relaxed) }
  func end() { changes.add(1, ordering: .relaxed) }

  /// Differs, or is odd, when a batch was searched for between two looks.
  var mark: UInt64 { changes.load(ordering: .relaxed) }

  /// Whether a batch was being searched for at any moment since `mark` was taken.
  func wasBusy(since mark: UInt64) -> Bool { mark % 2 == 1 || self.mark != mark }
}

/// When the next comparison may begin. Even a thread of the lowest priority takes memory bandwidth and caches from those beside
/// it, so that of the callers' search time only a share may be met by a comparison; while nobody searches there is no bound.
struct ShadowPace: Sendable {
  /// Of 1000. At 5, a comparison can slow one search in 200: too few to move the p99.
  let permille: Int
  private(set) var nextStart: ContinuousClock.Instant?

  init(permille: Int) {
    precondition((1...1000).contains(permille))
    self.permille = permille
  }

  /// Notes a comparison that has ended.
  ///
  /// - Parameters:
  ///   - time: of the CPU; what it only waited slowed nobody.
  ///   - metCallers: whether callers' searches ran meanwhile.
  mutating func ended(after time: Duration, metCallers: Bool, now: ContinuousClock.Instant) {
    nextStart = metCallers ? now + time * (1000 - permille) / permille : nil
  }

  /// How long to wait before the next one; nil when it may begin.
  func delay(now: ContinuousClock.Instant) -> Duration? {
    nextStart.flatMap { $0 > now ? $0 - now : nil }
  }
}
