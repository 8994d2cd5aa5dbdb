import ServiceSupport
import Synchronization

extension Interruption {
  /// Runs work that computes or blocks on a thread of its own. `check`, called often from it, throws CancellationError
  /// once the work is no longer wanted.
  static func cancellingThread<Value: Sendable>(
    named name: String, _ body: @escaping @Sendable (_ check: @escaping @Sendable () throws -> Void) throws -> Value
  ) async throws -> Value {
    let flag = Flag()
    return try await cancelling {
      try await withTaskCancellationHandler {
        try await DedicatedThread.run(name: name) { try body { try flag.check() } }
      } onCancel: {
        flag.isRaised.store(true, ordering: .relaxed)
      }
    }
  }

  private final class Flag: Sendable {
    let isRaised = Atomic(false)

    func check() throws {
      if isRaised.load(ordering: .relaxed) { throw CancellationError() }
    }
  }
}
