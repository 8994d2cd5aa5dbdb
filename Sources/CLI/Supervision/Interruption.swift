// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import UnixSignals

/// Ctrl-C and SIGTERM as cancellation.
///
/// A process that they end has the exit code that a shell gives to one that died of the signal, 130 and 143, whether it was
/// ended before the first look at signals, by the system, or cleaned up first.
enum Interruption {
  /// The first signal that came; 0 before it.
  private static let received = Atomic<Int32>(0)
  /// Whether a caller further out cancels this task already.
  @TaskLocal private static var isWatched = false

  /// Of a command that was interrupted.
  static var exitCode: Int32 {
    let signal = received.load(ordering: .relaxed)
    return 128 + (signal == 0 ? SIGINT : signal)
  }

  /// Runs `body`; the first SIGINT or SIGTERM cancels it, a second one ends the process at once.
  static func cancelling<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    guard !isWatched else { return try await body() }
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let task = $isWatched.withValue(true) { Task { try await body() } }
    let watch = Task {
      for await signal in signals {
        let (isFirst, _) = received.compareExchange(expected: 0, desired: signal.rawValue, ordering: .relaxed)
        guard isFirst else { _exit(128 + signal.rawValue) }
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
