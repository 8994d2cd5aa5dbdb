// SPDX-License-Identifier: Apache-2.0

import Basics
import Synchronization

/// Runs asynchronous work on the calling thread and returns when it has ended: for threads of the store and of comparisons,
/// which may block. Nothing of the work needs a thread of Swift's cooperative pool.
///
/// - Parameter isCancelled: asked every few milliseconds; once true, the work's task is cancelled.
package func waitForTask<Value: Sendable>(
  isCancelled: () -> Bool = { false },
  _ work: @escaping @Sendable () async throws(VectorIndexError) -> Value
) throws(VectorIndexError) -> Value {
  let thread = WaitingThread()
  let result = ResultBox<Value>()
  let task = Task.detached(executorPreference: thread) {
    do throws(VectorIndexError) {
      result.put(.success(try await work()))
    } catch {
      result.put(.failure(error))
    }
  }
  return try withExtendedLifetime(thread) { () throws(VectorIndexError) in
    while true {
      if let result = result.value { return try result.get() }
      if !thread.runNext() && isCancelled() { task.cancel() }
    }
  }
}

/// Runs the steps of a task on the one thread that waits for it.
private final class WaitingThread: TaskExecutor {
  private let steps = Mutex<[UnownedJob]>([])
  private let count = Semaphore()

  func enqueue(_ job: consuming ExecutorJob) {
    let step = UnownedJob(job)
    steps.withLock { $0.append(step) }
    count.post()
  }

  /// Runs a step, or waits a few milliseconds for one; returns whether there was one.
  func runNext() -> Bool {
    guard count.wait(for: .milliseconds(10)) else { return false }
    let step = steps.withLock { $0.removeFirst() }
    step.runSynchronously(on: asUnownedTaskExecutor())
    return true
  }
}

/// Where the task leaves its result for the thread.
private final class ResultBox<Value: Sendable>: Sendable {
  private let content = Mutex<Result<Value, VectorIndexError>?>(nil)

  func put(_ result: Result<Value, VectorIndexError>) { content.withLock { $0 = result } }

  var value: Result<Value, VectorIndexError>? { content.withLock { $0 } }
}
