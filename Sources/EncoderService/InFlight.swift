// SPDX-License-Identifier: Apache-2.0

import Basics
import Synchronization

/// Work that is being done, by key: whoever comes for the same waits for its result instead of doing it again.
final class InFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  /// One who waits; nil is what those get whose work ended without a result.
  typealias Waiter = OneShot<Value?>

  enum Claim {
    /// Nobody is at it: the caller does the work and calls ``finish(_:with:)``, whatever happens.
    case owner
    /// Somebody is at it: ``result(for:)``.
    case taken(Waiter)
  }

  private let waiters = Mutex<[Key: [Waiter]]>([:])

  func claim(_ key: Key) -> Claim {
    waiters.withLock { waiters in
      guard waiters[key] != nil else {
        waiters[key] = []
        return .owner
      }
      let waiter = Waiter()
      waiters[key]?.append(waiter)
      return .taken(waiter)
    }
  }

  /// Ends the owner's work.
  ///
  /// - Parameter result: what all get who came for the same; nil when it says nothing about the work itself, such as that
  ///   the owner was cancelled: they claim it anew.
  func finish(_ key: Key, with result: Result<Value, any Error>?) {
    let waiting = waiters.withLock { $0.removeValue(forKey: key) ?? [] }
    for waiter in waiting { waiter.resolve(result.map { $0.map(Optional.some) } ?? .success(nil)) }
  }
}
