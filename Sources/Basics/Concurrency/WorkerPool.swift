// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A few named threads for short work that computes.
package final class WorkerPool: Sendable {
  package typealias Job = @Sendable () -> Void

  private let queue: JobQueue
  private let threads: [DedicatedThread]

  /// - Throws: when a thread cannot be started.
  package init(name: String, threads count: Int) throws(ThreadError) {
    let queue = JobQueue()
    self.queue = queue
    var threads: [DedicatedThread] = []
    for index in 0..<count {
      threads.append(try DedicatedThread(name: "\(name)-\(index)") { queue.work() })
    }
    self.threads = threads
  }

  deinit { queue.close(workers: threads.count) }

  /// Does `work` on one of the threads. Work that was begun is not interrupted by cancellation.
  package func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      queue.add { continuation.resume(returning: work()) }
    }
  }

  /// Does `work` on one of the threads, after what was added before.
  package func add(_ work: @escaping Job) { queue.add(work) }

  /// Transforms all inputs on these threads and the calling one, which is blocked until the last is done.
  package func map<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], _ transform: @escaping @Sendable (Input) -> Output
  ) -> [Output] {
    let share = Share(inputs: inputs, transform: transform)
    for _ in 0..<max(0, min(threads.count, inputs.count - 1)) { queue.add { share.work() } }
    share.work()
    return share.finished()
  }

  /// Returns when the threads have ended; what was queued is done first.
  package func shutdown() async {
    queue.close(workers: threads.count)
    for thread in threads { await thread.join() }
  }
}

/// What waits for the threads of a pool.
private final class JobQueue: Sendable {
  private struct State {
    var jobs: [WorkerPool.Job] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  /// Counts jobs, and each thread's permission to end.
  private let available = Semaphore()

  func add(_ job: @escaping WorkerPool.Job) {
    state.withLock { $0.jobs.append(job) }
    available.post()
  }

  /// Without effect after the first call.
  func close(workers: Int) {
    let wasClosed = state.withLock { state in
      defer { state.isClosed = true }
      return state.isClosed
    }
    guard !wasClosed else { return }
    for _ in 0..<workers { available.post() }
  }

  /// The life of one thread.
  func work() {
    while let job = next() { job() }
  }

  private func next() -> WorkerPool.Job? {
    available.wait()
    return state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
  }
}

/// Inputs that several threads transform, each taking the next one.
private final class Share<Input: Sendable, Output: Sendable>: Sendable {
  private let inputs: [Input]
  private let transform: @Sendable (Input) -> Output
  private let nextIndex = Atomic(0)
  private let outputs: Mutex<[Output?]>
  /// Posted once for each output.
  private let done = Semaphore()

  init(inputs: [Input], transform: @escaping @Sendable (Input) -> Output) {
    self.inputs = inputs
    self.transform = transform
    outputs = Mutex(Array(repeating: nil, count: inputs.count))
  }

  func work() {
    while true {
      let index = nextIndex.add(1, ordering: .relaxed).oldValue
      guard index < inputs.count else { return }
      let output = transform(inputs[index])
      outputs.withLock { $0[index] = output }
      done.post()
    }
  }

  /// Waits for all outputs.
  func finished() -> [Output] {
    for _ in inputs { done.wait() }
    return outputs.withLock { $0.compactMap(\.self) }
  }
}
