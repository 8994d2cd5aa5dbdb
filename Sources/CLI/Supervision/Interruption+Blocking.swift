// SPDX-License-Identifier: Apache-2.0

import Basics
import ServiceSupport

extension Interruption {
  /// Runs work that computes or blocks on a thread of its own. Ctrl-C and SIGTERM raise the flag, which it asks now and then.
  static func cancellingThread<Value: Sendable>(
    named name: String, _ body: @escaping @Sendable (InterruptionFlag) throws -> Value
  ) async throws -> Value {
    let flag = InterruptionFlag()
    return try await cancelling {
      try await withTaskCancellationHandler {
        try await DedicatedThread.run(name: name) { try body(flag) }
      } onCancel: {
        flag.raise()
      }
    }
  }
}
