// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CLI

@Suite("Signals cancel once") struct InterruptionTests {
  @Test func `What is watched already is not watched again`() async throws {
    let value = try await Interruption.cancelling {
      try await Interruption.cancelling { try await Interruption.cancellingThread(named: "test") { _ in 7 } }
    }
    #expect(value == 7)
  }

  @Test func `Cancelling from without reaches the inside`() async throws {
    let task = Task {
      try await Interruption.cancelling {
        try await Interruption.cancellingThread(named: "test") { flag in
          while true { try flag.check() }
        }
      }
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }
}
