import Dispatch
import Synchronization

/// Runs asynchronous work and blocks the calling thread until it ends: for threads of the store and of comparisons, never
/// for Swift's cooperative pool.
///
/// - Parameter isCancelled: asked every few milliseconds; once true, the work's task is cancelled.
package func waitForTask<Value: Sendable>(
  isCancelled: () -> Bool = { false },
  _ work: @escaping @Sendable () async throws(VectorIndexError) -> Value
) throws(VectorIndexError) -> Value {
  let result = ResultBox<Value>()
  let ended = DispatchSemaphore(value: 0)
  let task = Task.detached {
    do throws(VectorIndexError) {
      result.put(.success(try await work()))
    } catch {
      result.put(.failure(error))
    }
    ended.signal()
  }
  while ended.wait(timeout: .now() + .milliseconds(10)) == .timedOut {
    if isCancelled() { task.cancel() }
  }
  return try result.take().get()
}

/// Where the task leaves its result for the thread.
private final class ResultBox<Value: Sendable>: Sendable {
  private let value = Mutex<Result<Value, VectorIndexError>?>(nil)

  func put(_ result: Result<Value, VectorIndexError>) { value.withLock { $0 = result } }

  func take() -> Result<Value, VectorIndexError> {
    guard let result = value.withLock({ $0 }) else { preconditionFailure("the task has not ended") }
    return result
  }
}
