// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Synchronization
import Traces

/// Times the calls that are made for an RPC which is being handled, and makes them parts of its trace: the service that is called
/// finds this call as its parent.
struct OutgoingCallTracer: ClientInterceptor {
  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingClientRequest<Input>, context: ClientContext,
    next: (StreamingClientRequest<Input>, ClientContext) async throws -> StreamingClientResponse<Output>
  ) async throws -> StreamingClientResponse<Output> {
    guard let stages = CallStages.current else { return try await next(request, context) }
    let call = OutgoingCall(context, of: stages)
    var request = request
    if let trace = call.trace { request.metadata.replaceOrAddString(trace.text, forKey: TraceContext.metadataKey) }
    do {
      let response = try await next(request, context)
      switch response.accepted {
      case .failure(let error):
        call.ended(error)
        return response
      case .success(var contents):
        contents.bodyParts = RPCAsyncSequence(wrapping: ObservedParts(parts: contents.bodyParts, call: call))
        return StreamingClientResponse(accepted: .success(contents))
      }
    } catch {
      call.ended(error)
      throw error
    }
  }
}

/// A call from its beginning to its end, or until nobody reads its answer any more.
private final class OutgoingCall: Sendable {
  let trace: TraceContext?
  private let context: ClientContext
  private let stages: CallStages
  private let start = ContinuousClock.now
  private let hasEnded = Mutex(false)

  init(_ context: ClientContext, of stages: CallStages) {
    self.context = context
    self.stages = stages
    trace = stages.recording?.context.child()
  }

  deinit { ended(RPCError(code: .cancelled, message: "the answer was not read to its end")) }

  /// - Parameter error: nil for a call that went well.
  func ended(_ error: (any Error)?) {
    guard
      !hasEnded.withLock({ ended in
        defer { ended = true }
        return ended
      })
    else { return }
    let stage = CallStages.Stage(name: context.descriptor.fullyQualifiedMethod, start: start, end: .now)
    guard stages.keep(stage), let trace else { return }
    let error = error.map { error in
      error as? RPCError ?? RPCError(code: error is CancellationError ? .cancelled : .unknown, message: "\(error)")
    }
    stages.recording?.call(trace, .client, context.descriptor, start, error, peer: context.remotePeer)
  }
}

/// The answer's parts as they come, and their end.
private struct ObservedParts<Part: Sendable>: AsyncSequence, Sendable {
  typealias Failure = any Error

  let parts: RPCAsyncSequence<Part, any Error>
  let call: OutgoingCall

  struct Iterator: AsyncIteratorProtocol {
    var parts: RPCAsyncSequence<Part, any Error>.AsyncIterator
    let call: OutgoingCall

    mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> Part? {
      do {
        let part = try await parts.next(isolation: actor)
        if part == nil { call.ended(nil) }
        return part
      } catch {
        call.ended(error)
        throw error
      }
    }

    mutating func next() async throws -> Part? { try await next(isolation: nil) }
  }

  func makeAsyncIterator() -> Iterator { Iterator(parts: parts.makeAsyncIterator(), call: call) }
}
