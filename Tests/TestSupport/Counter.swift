// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A number that tasks and threads count up.
package final class Counter: Sendable {
  private let count = Atomic(0)

  package init() {}

  package var value: Int { count.load(ordering: .acquiring) }

  /// The new number.
  @discardableResult
  package func increment() -> Int { count.add(1, ordering: .acquiringAndReleasing).newValue }
}
