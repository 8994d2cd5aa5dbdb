// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceSupport
import Synchronization

/// Bounds how many versions are uploaded at the same time: each needs its size on disk and a share of its bandwidth.
final class UploadSlots: Sendable {
  private let limit: Int
  private let taken = Mutex(0)

  init(limit: Int) {
    self.limit = limit
  }

  /// Runs an upload, unless as many as may be are running.
  func withSlot<Value>(_ upload: () async throws -> Value) async throws -> Value {
    try take()
    defer { taken.withLock { $0 -= 1 } }
    return try await upload()
  }

  private func take() throws(ServiceFailure) {
    let isFree = taken.withLock { taken in
      guard taken < limit else { return false }
      taken += 1
      return true
    }
    guard isFree else {
      throw ServiceFailure(
        .tooManyUploads,
        "\(limit) uploads are under way already; wait for one to end, or start the server with a larger --max-uploads",
        retryAfter: .seconds(10))
    }
  }
}
