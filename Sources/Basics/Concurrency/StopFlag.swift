// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A flag that is set once, by any thread, and asked by those who are to stop.
package final class StopFlag: Sendable {
  private let flag = Atomic(false)

  package init() {}

  package func set() { flag.store(true, ordering: .relaxed) }
  package var isSet: Bool { flag.load(ordering: .relaxed) }
}
