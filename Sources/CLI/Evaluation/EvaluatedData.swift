import Datasets
import ServiceSupport
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

/// A dataset, and whether its user still wants it computed with.
struct EvaluatedData: Sendable {
  let dataset: Dataset
  let interruption: InterruptionFlag
}

/// Long computations of a command, which Ctrl-C and SIGTERM end.
enum InterruptibleThread {
  /// Runs `body` on a thread of its own; it asks the flag now and then.
  static func run<Value: Sendable>(
    name: String, _ body: @escaping @Sendable (InterruptionFlag) throws -> Value
  ) async throws -> Value {
    let interruption = InterruptionFlag()
    return try await Interruption.cancelling {
      try await withTaskCancellationHandler {
        try await DedicatedThread.run(name: name) { try body(interruption) }
      } onCancel: {
        interruption.raise()
      }
    }
  }
}
