// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Tells computing threads, which know no tasks, that the user wants to stop.
final class InterruptionFlag: Sendable {
  private let raised = Atomic(false)

  var isRaised: Bool { raised.load(ordering: .relaxed) }

  func raise() { raised.store(true, ordering: .relaxed) }

  func check() throws(CancellationError) {
    if isRaised { throw CancellationError() }
  }
}
