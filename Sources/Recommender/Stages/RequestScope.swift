// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import ServiceSupport
import Traces

/// What all RPCs made for one request share: its id, and the moment by which it must be answered.
struct RequestScope: Sendable {
  /// As the caller gave it, whatever its length and script; made up where there is none.
  let requestID: String
  let trace: TraceContext?
  /// For whom the services are asked; nil where the gateway does not know its callers.
  let caller: Caller?
  private let deadline: CallerDeadline
  private let heedsTaskDeadlines: Bool

  /// - Parameters:
  ///   - heedsTaskDeadlines: whether the clients of the RPCs do; a deadline in their options costs memory until it has passed.
  ///   - trace: by default that of the RPC which is being handled where this is made, like the caller.
  init(
    requestID: String, deadline: ContinuousClock.Instant?, heedsTaskDeadlines: Bool,
    trace: TraceContext? = RequestIdentity.current?.trace, caller: Caller? = .current
  ) {
    self.heedsTaskDeadlines = heedsTaskDeadlines
    self.requestID = requestID
    self.trace = trace
    self.caller = caller
    self.deadline = CallerDeadline(deadline)
  }

  /// The same with time of its own.
  func with(deadline: ContinuousClock.Instant) -> RequestScope {
    RequestScope(
      requestID: requestID, deadline: deadline, heedsTaskDeadlines: heedsTaskDeadlines, trace: trace, caller: caller)
  }

  /// Whether somebody waits for an answer that may still come.
  var isOpen: Bool { !Task.isCancelled && !deadline.isOver() }

  /// Sent with every RPC: the id for the logs of messages that have no field for it, the trace, and whose call it is.
  var metadata: Metadata {
    var metadata = RequestIdentity.metadata(for: requestID, trace: trace)
    metadata.add(contentsOf: Tenant.metadata(for: caller))
    return metadata
  }

  /// Makes an RPC with what is left of the request's time.
  ///
  /// - Throws: ServiceFailure that names the stage, also where the request was stopped because its time is over; CancellationError once
  ///   the caller has left before.
  func call<Response: Sendable>(
    _ stage: Stage, _ rpc: (Metadata, CallOptions) async throws -> Response
  ) async throws -> Response {
    if Task.isCancelled { throw stopped(in: stage) }
    var options = CallOptions.defaults
    if let moment = deadline.moment {
      let remaining = ContinuousClock.now.duration(to: moment)
      guard remaining > .zero else { throw outOfTime(in: stage) }
      if !heedsTaskDeadlines { options.timeout = remaining }
    }
    do {
      return try await CGrpcClientTransport.$callDeadline.withValue(deadline.moment) {
        try await rpc(metadata, options)
      }
    } catch {
      if Task.isCancelled { throw stopped(in: stage) }
      guard let error = error as? RPCError else { throw error }
      throw stage.failure(error)
    }
  }

  private func stopped(in stage: Stage) -> any Error {
    deadline.stopsAsOver() ? outOfTime(in: stage) : CancellationError()
  }

  private func outOfTime(in stage: Stage) -> ServiceFailure {
    stage.failure(RPCError(code: .deadlineExceeded, message: "no time was left"))
  }
}
