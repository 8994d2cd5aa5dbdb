// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Follows the building of a graph: the log says how far it is, and it ends when nobody waits for the version any more.
final class GraphProgress: Sendable {
  private static let interval = Duration.seconds(10)

  private let logger: Logger
  private let index: String
  private let itemCount: Int
  private let isGivenUp = Atomic(false)
  private let lastLine = Mutex(ContinuousClock.now)

  init(index: String, itemCount: Int, logger: Logger) {
    self.index = index
    self.itemCount = itemCount
    self.logger = logger
  }

  /// Ends the build at the next look.
  func giveUp() { isGivenUp.store(true, ordering: .relaxed) }

  /// Whether the build goes on. Asked about ten times a second.
  func goesOn(done: Int) -> Bool {
    let isTime = lastLine.withLock { last in
      guard ContinuousClock.now - last >= Self.interval else { return false }
      last = .now
      return true
    }
    if isTime {
      logger.notice(
        "building a graph", metadata: ["index": "\(index)", "items": "\(done)", "of": "\(itemCount)"])
    }
    return !isGivenUp.load(ordering: .relaxed)
  }
}
