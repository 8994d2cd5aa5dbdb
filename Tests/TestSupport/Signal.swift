// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Something that happens once and that others wait for.
package final class Signal: Sendable {
  private struct State {
    var isSent = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  package init() {}

  package var isSent: Bool { state.withLock { $0.isSent } }

  package func send() {
    let waiters = state.withLock { state in
      state.isSent = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  package func wait() async {
    await withCheckedContinuation { waiter in
      let isSent = state.withLock { state in
        if !state.isSent { state.waiters.append(waiter) }
        return state.isSent
      }
      if isSent { waiter.resume() }
    }
  }
}
