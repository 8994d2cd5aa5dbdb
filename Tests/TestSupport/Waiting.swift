// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Polls a condition that another task, thread or process makes true; the suite's time limit ends a wait in vain.
package func waitUntil(
  _ condition: () async throws -> Bool, isolation: isolated (any Actor)? = #isolation
) async throws {
  while try await !condition() { try await Task.sleep(for: .milliseconds(1)) }
}

/// As ``waitUntil(_:isolation:)``, holding the calling thread, not a task.
package func block(until condition: () -> Bool) {
  while !condition() { usleep(200) }
}
