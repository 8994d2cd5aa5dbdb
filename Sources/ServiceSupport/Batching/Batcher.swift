// SPDX-License-Identifier: Apache-2.0

package import Basics
import GRPCCore

/// Brings requests of many callers to one compute thread, in batches.
///
/// - One bounded queue, counted in a cost the caller chooses (tokens, images) and in the time that it takes. What does not fit, or
///   would not be done before its deadline, is refused at once with RESOURCE_EXHAUSTED and a delay to try again after, or waits for
///   room (bulk streams); see ``BatchQueue``.
/// - Requests gather while the thread is busy; an idle thread takes the first one without waiting for company.
/// - A request whose caller is gone or whose deadline has passed is dropped before it is computed, and is visible to
///   `process` through ``BatchContext`` while it is.
/// - The thread is the only one that calls `process`: whatever `process` uses needs no lock.
package final class Batcher<Request: Sendable, Response: Sendable>: Sendable {
  /// Computes a batch on the compute thread; one result per request, in order.
  package typealias Process = @Sendable ([Request], BatchContext) -> [Result<Response, any Error>]
  /// What a request costs.
  package typealias Cost = @Sendable (Request) -> Int

  private let core: BatcherCore<Request, Response>
  private let thread: DedicatedThread

  /// - Parameters:
  ///   - name: of the thread, in metrics, and of the stages that calls spend here.
  ///   - maxQueueCost: most cost that may be queued, the batch being computed not counted.
  ///   - maxBatchCost: most cost computed together; a single costlier request is computed alone.
  ///   - maxQueueTime: longest that a caller may wait for its turn, once it is known how fast the thread is; see ``BatchQueue``.
  ///   - costNow: asked when a batch is put together, for requests whose cost may have changed since they were submitted.
  ///   - process: see ``Process``.
  /// - Throws: when the thread cannot be started.
  package init(
    name: String, maxQueueCost: Int, maxBatchCost: Int, maxQueueTime: Duration? = nil, costNow: Cost? = nil,
    process: @escaping Process
  ) throws(ThreadError) {
    let core = BatcherCore(
      name: name, maxQueueCost: maxQueueCost, maxBatchCost: maxBatchCost, maxQueueTime: maxQueueTime, costNow: costNow,
      process: process)
    self.core = core
    thread = try DedicatedThread(name: name) { core.computeUntilShutdown() }
  }

  deinit {
    core.shutDown(drain: false)
  }

  /// Computes one request.
  ///
  /// - Parameters:
  ///   - cost: at least 1, in the queue's unit.
  ///   - deadline: the request is not computed after it; the deadline and the cancellation of the RPC that is being handled
  ///     count too, without being named.
  /// - Throws: what `process` returned for it, CancellationError when the task or RPC is cancelled, or a ServiceFailure:
  ///   QUEUE_FULL, DEADLINE_UNREACHABLE, REQUEST_TOO_LARGE, DEADLINE_EXCEEDED, SHUTTING_DOWN.
  package func submit(
    _ request: Request, cost: Int, deadline: ContinuousClock.Instant? = nil, whenFull: WhenFull = .refuse
  ) async throws -> Batched<Response> {
    let outcomes = try await submit(contentsOf: [(request, cost)], deadline: deadline, whenFull: whenFull)
    return try outcomes[0].get()
  }

  /// Computes requests that belong together: all are taken or none is. They may be computed in different batches.
  ///
  /// - Returns: one outcome per request, in order.
  /// - Throws: as ``submit(_:cost:deadline:whenFull:)``, for all of them.
  package func submit(
    contentsOf requests: [(request: Request, cost: Int)], deadline: ContinuousClock.Instant? = nil,
    whenFull: WhenFull = .refuse
  ) async throws -> [Result<Batched<Response>, any Error>] {
    guard !requests.isEmpty else { return [] }
    guard let stages = CallStages.current else {
      return try await outcomes(of: requests, deadline: deadline, whenFull: whenFull)
    }
    let start = ContinuousClock.now
    var timings: [BatchTiming] = []
    defer { stages.note(batches: core.name, from: start, timings) }
    let outcomes = try await outcomes(of: requests, deadline: deadline, whenFull: whenFull)
    timings = outcomes.compactMap { try? $0.get().timing }
    return outcomes
  }

  private func outcomes(
    of requests: [(request: Request, cost: Int)], deadline: ContinuousClock.Instant?, whenFull: WhenFull
  ) async throws -> [Result<Batched<Response>, any Error>] {
    let group = core.makeGroup(count: requests.count)
    let cancel: @Sendable () -> Void = { [core] in core.cancel(group) }
    return try await withTaskCancellationHandler {
      // grpc-swift does not cancel the task of a handler whose RPC is cancelled; it has this handler instead.
      try await withRPCCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          core.submit(requests, group: group, deadline: deadline, whenFull: whenFull, continuation: continuation)
        }
      } onCancelRPC: {
        cancel()
      }
    } onCancel: {
      cancel()
    }
  }

  /// Refuses now, before work is put into them, requests that would be refused if they were submitted now and cost what requests
  /// usually do here.
  ///
  /// - Parameter count: of the requests.
  /// - Throws: as ``submit(contentsOf:deadline:whenFull:)``.
  package func requireRoom(
    for count: Int, deadline: ContinuousClock.Instant?, whenFull: WhenFull
  ) throws(ServiceFailure) {
    guard case .refuse = whenFull, let refusal = core.refusal(ofUsual: count, deadline: deadline) else { return }
    throw refusal
  }

  /// Cost waiting to be computed, that of callers who wait for room not counted.
  package var queuedCost: Int { core.queuedCost }

  /// Requests of callers who wait for room.
  package var waitingCount: Int { core.waitingCount }

  /// Ends the thread and returns when it has ended. Requests not yet begun are computed first with `drain`; else they fail
  /// with UNAVAILABLE (SHUTTING_DOWN), and the batch being computed learns that nobody waits for it.
  package func shutdown(drain: Bool = false) async {
    core.shutDown(drain: drain)
    await thread.join()
  }
}
