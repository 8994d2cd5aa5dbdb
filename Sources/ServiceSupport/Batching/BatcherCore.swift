// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import Synchronization

/// What a ``Batcher`` and its thread share. The thread keeps it alive, so that a batcher can go while its thread ends.
final class BatcherCore<Request: Sendable, Response: Sendable>: Sendable {
  typealias Group = PendingGroup<Response>
  typealias Queue = BatchQueue<Job>

  struct Job: Sendable {
    let request: Request
    let group: Group
    let index: Int
  }

  struct GroupHandle: Sendable {
    let id: UInt64
    let group: Group
  }

  let name: String
  private let process: Batcher<Request, Response>.Process
  private let costNow: Batcher<Request, Response>.Cost?
  private let queue: Mutex<Queue>
  private let wakeUp = Semaphore()
  private let nextGroup = Atomic<UInt64>(0)
  /// Set without drain only: the batch being computed is to be given up.
  private let isStopping = StopFlag()
  /// What a computation in the background looks at, between layers: whether somebody waits who does not give way.
  private let haveCallersCome = Atomic(false)
  private let metrics: BatchMetrics

  init(
    name: String, maxQueueCost: Int, maxBatchCost: Int, maxQueueTime: Duration?,
    costNow: Batcher<Request, Response>.Cost?,
    process: @escaping Batcher<Request, Response>.Process
  ) {
    self.name = name
    self.costNow = costNow
    self.process = process
    queue = Mutex(Queue(maxCost: maxQueueCost, maxBatchCost: maxBatchCost, maxTime: maxQueueTime))
    metrics = BatchMetrics(name: name)
  }

  // MARK: Called by tasks

  var queuedCost: Int { queue.withLock(\.queuedCost) }
  var waitingCount: Int { queue.withLock(\.waitingCount) }

  func makeGroup(count: Int) -> GroupHandle {
    GroupHandle(
      id: nextGroup.wrappingAdd(1, ordering: .relaxed).newValue, group: PendingGroup(count: count))
  }

  func submit(
    _ requests: [(request: Request, cost: Int)], group handle: GroupHandle, deadline: Queue.Instant?,
    whenFull: WhenFull, continuation: Group.Continuation
  ) {
    guard handle.group.wait(with: continuation) else { return }
    let (now, tenant) = (Queue.Instant.now, Self.tenant)
    let entries = requests.enumerated().map { index, element in
      Queue.Entry(
        group: handle.id, cost: max(element.cost, 1), arrival: now, deadline: deadline,
        element: Job(request: element.request, group: handle.group, index: index), tenant: tenant)
    }
    let (admission, queuedCost) = queue.withLock { queue in
      defer { haveCallersCome.store(queue.hasCallers, ordering: .relaxed) }
      return (queue.enqueue(entries, whenFull: whenFull), queue.queuedCost)
    }
    metrics.queuedCost(queuedCost)
    if case .accepted(let wake) = admission {
      if wake { wakeUp.post() }
    } else {
      handle.group.stop(refusal(admission, cost: entries.reduce(0) { $0 + $1.cost }, queuedCost: queuedCost))
    }
  }

  /// Nil where requests of the usual cost would be taken.
  func refusal(ofUsual count: Int, deadline: Queue.Instant?) -> ServiceFailure? {
    let (admission, cost, queuedCost) = queue.withLock { queue in
      (
        queue.refusal(ofUsual: count, by: Self.tenant, deadline: deadline, now: .now), queue.usualCost(of: count),
        queue.queuedCost
      )
    }
    return admission.map { refusal($0, cost: cost, queuedCost: queuedCost) }
  }

  /// Of the call that is being handled.
  private static var tenant: Identifier? { Caller.current.map { Identifier($0.tenant) } }

  func cancel(_ handle: GroupHandle) {
    handle.group.stop(CancellationError())
    if queue.withLock({ $0.remove(group: handle.id) }) { wakeUp.post() }
  }

  func shutDown(drain: Bool) {
    if !drain { isStopping.set() }
    let (failed, wake) = queue.withLock { $0.shutDown(drain: drain) }
    for entry in failed { entry.element.group.stop(shuttingDown) }
    if wake { wakeUp.post() }
  }

  // MARK: Called by the compute thread

  func computeUntilShutdown() {
    while true {
      let step = queue.withLock { queue in
        defer { haveCallersCome.store(queue.hasCallers, ordering: .relaxed) }
        return queue.next(now: .now, cost: cost) { $0.group.isAbandoned }
      }
      for entry in step.expired { fail(entry) }
      switch step.action {
      case .compute(let batch): compute(batch)
      case .computeInBackground(let entry): computeInBackground(entry)
      case .sleep: wakeUp.wait()
      case .stop: return
      }
    }
  }

  private func cost(_ entry: Queue.Entry) -> Int {
    costNow.map { max($0(entry.element.request), 1) } ?? entry.cost
  }

  private func compute(_ batch: [Queue.Entry]) {
    let start = Queue.Instant.now
    let results = results(of: batch, mustGiveWay: { false })
    deliver(results, to: batch, begunAt: start)
  }

  /// Gives up when a caller comes, and then begins again when there is none.
  private func computeInBackground(_ entry: Queue.Entry) {
    let start = Queue.Instant.now
    let results = results(of: [entry]) { [self] in haveCallersCome.load(ordering: .relaxed) }
    let isUnfinished = (try? results[0].get()) == nil && haveCallersCome.load(ordering: .relaxed)
    guard isUnfinished && !entry.element.group.isAbandoned else {
      return deliver(results, to: [entry], begunAt: start)
    }
    if let lost = queue.withLock({ $0.putBack(entry) }) { lost.element.group.stop(shuttingDown) }
  }

  private func results(
    of batch: [Queue.Entry], mustGiveWay: @escaping @Sendable () -> Bool
  ) -> [Result<Response, any Error>] {
    let context = BatchContext(
      requests: batch.map(\.element.group), deadlines: batch.map(\.deadline), isStopping: isStopping,
      mustGiveWay: mustGiveWay)
    let results = process(batch.map(\.element.request), context)
    precondition(results.count == batch.count, "\(name): \(results.count) results for \(batch.count) requests")
    return results
  }

  private func deliver(_ results: [Result<Response, any Error>], to batch: [Queue.Entry], begunAt start: Queue.Instant)
  {
    let duration = start.duration(to: .now)
    // What was refused or given up says nothing of how long the others take.
    let done = zip(batch, results).filter { (try? $1.get()) != nil }
    let queuedCost = queue.withLock { queue in
      queue.completed(cost: done.reduce(0) { $0 + $1.0.cost }, in: duration)
      return queue.queuedCost
    }
    metrics.computed(batch: batch.count, in: duration, queuedCost: queuedCost)
    for (entry, result) in zip(batch, results) {
      let queueTime = entry.arrival.duration(to: start)
      metrics.waited(queueTime)
      entry.element.group.deliver(
        result.map {
          Batched(
            value: $0,
            timing: BatchTiming(queueTime: queueTime, computeTime: duration, batchSize: batch.count))
        },
        at: entry.element.index)
    }
  }

  private func fail(_ entry: Queue.Entry) {
    let waited = entry.arrival.duration(to: .now)
    entry.element.group.deliver(
      .failure(
        ServiceFailure(
          .deadlineExceeded,
          "the deadline passed after \(waited) in the queue of \(name); send fewer requests at once or allow more time")
      ),
      at: entry.element.index)
  }

  // MARK: -

  private var shuttingDown: ServiceFailure {
    ServiceFailure(.shuttingDown, "the server is shutting down; try another replica")
  }

  private func refusal(_ admission: Queue.Admission, cost: Int, queuedCost: Int) -> ServiceFailure {
    metrics.refused()
    let limit = queue.withLock(\.maxCost)
    switch admission {
    case .full(let retryAfter):
      return ServiceFailure(
        .queueFull,
        "the queue of \(name) holds \(queuedCost) of \(limit) and the request needs \(cost) more; "
          + "try again in \(retryAfter), or add replicas",
        retryAfter: retryAfter)
    case .shareFull(let retryAfter):
      return ServiceFailure(
        .queueFull,
        "half of the queue of \(name) is this tenant's, and others are there: the request needs \(cost) more; "
          + "try again in \(retryAfter), or add replicas",
        retryAfter: retryAfter)
    case .tooLong(let wait, let retryAfter):
      return ServiceFailure(
        .queueFull,
        "what waits for \(name) and is being computed takes \(wait.rounded) more, longer than may be waited; "
          + "try again in \(retryAfter.rounded), or add replicas",
        retryAfter: retryAfter)
    case .late(let doneAfter, let retryAfter):
      return ServiceFailure(
        .deadlineUnreachable,
        "with what waits for \(name) the request would be done in \(doneAfter.rounded), after its deadline; "
          + "try again in \(retryAfter.rounded), allow more time, or add replicas",
        retryAfter: retryAfter)
    case .tooLarge:
      return ServiceFailure(
        .requestTooLarge,
        "the request needs \(cost) of the queue of \(name), which holds \(limit); send it in smaller requests")
    case .shutDown, .accepted:
      return shuttingDown
    }
  }
}

extension Duration {
  /// To milliseconds, for people.
  fileprivate var rounded: Duration { .milliseconds(Int64(self / .milliseconds(1))) }
}
