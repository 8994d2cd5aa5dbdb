// SPDX-License-Identifier: Apache-2.0

import Glibc
import UnixSignals

/// Ctrl-C and SIGTERM as cancellation.
enum Interruption {
  /// Runs `body`; the first SIGINT or SIGTERM cancels it, a second one ends the process at once.
  static func cancelling<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let task = Task { try await body() }
    let watch = Task {
      for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
        if task.isCancelled { _exit(128 + signal.rawValue) }
        task.cancel()
      }
    }
    defer { watch.cancel() }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }
}
