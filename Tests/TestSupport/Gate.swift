// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// A gate that compute threads, not tasks, wait at, so that a test decides when they go on.
package final class Gate: Sendable {
  private let permits = DispatchSemaphore(value: 0)
  private let arrivals = Counter()
  private let isOpen = Atomic(false)

  package init() {}

  /// Threads that have come to the gate so far.
  package var arrived: Int { arrivals.value }

  /// Holds the calling thread until it may go on.
  package func pass() {
    arrivals.increment()
    permits.wait()
    if isOpen.load(ordering: .acquiring) { permits.signal() }
  }

  /// Returns when so many threads in all have come.
  package func waitForArrivals(_ count: Int = 1) async throws {
    try await waitUntil { arrived >= count }
  }

  /// Lets one thread go on, the next one if none is here.
  package func letOnePass() { permits.signal() }

  /// Lets everyone go on from now on.
  package func open() {
    isOpen.store(true, ordering: .releasing)
    permits.signal()
  }
}
