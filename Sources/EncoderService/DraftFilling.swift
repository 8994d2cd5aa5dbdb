// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import Synchronization

/// One stream that fills the draft. The store has it on the disk from before the first item, until everything has come.
final class DraftFilling: Sendable {
  let lease: DraftLeases.Lease
  private let isNoted = Mutex(false)

  init(lease: DraftLeases.Lease) { self.lease = lease }

  /// Before each item, one after the other; `note` runs before the first.
  func begin(_ note: (DraftFill) async throws -> Void) async throws {
    guard !isNoted.withLock(\.self) else { return }
    try await note(lease.fill)
    isNoted.withLock { $0 = true }
  }
}
