// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import GRPCCore
import Synchronization

extension ClientCall {
  /// Takes what the caller sends.
  struct Requests: ClosableRPCWriterProtocol {
    let call: ClientCall

    nonisolated(nonsending) func write(_ part: RPCRequestPart<MessageBytes>) async throws { try await call.write(part) }

    nonisolated(nonsending) func write(contentsOf parts: some Sequence<RPCRequestPart<MessageBytes>>) async throws {
      for part in parts { try await call.write(part) }
    }

    nonisolated(nonsending) func finish() async { await call.finish() }

    nonisolated(nonsending) func finish(throwing error: any Error) async { call.finish(throwing: error) }
  }

  nonisolated(nonsending) fileprivate func write(_ part: RPCRequestPart<MessageBytes>) async throws {
    switch part {
    case .metadata(let metadata):
      if isUnary {
        try state.withLock { try $0.hold(metadata) }
      } else {
        try begin(metadata)
      }
    case .message(let message):
      try check(message)
      if isUnary {
        try state.withLock { try $0.hold(message) }
      } else {
        state.withLock { $0.noteMessage() }
        start(on: try await takeTurnToSend()) { $0.sendMessage(message) }
      }
    }
  }

  private func check(_ message: MessageBytes) throws {
    guard let limit = options.maxRequestMessageBytes, message.count > limit else { return }
    throw RPCError(
      code: .resourceExhausted,
      message: "The request has \(message.count) bytes; the call allows \(limit) (maxRequestMessageBytes).")
  }

  /// Opens a streaming call with its metadata.
  private func begin(_ metadata: Metadata) throws {
    try open(metadata) { call, batch in
      batch.start(for: self) { context, _, _ in _ = ClientCall.takeBack(context) }
      startReading(call)
    }
  }

  nonisolated(nonsending) private func finish() async {
    guard let held = state.withLock({ $0.endRequest() }) else { return }
    // grpc-swift-2's executors of retries and hedges lose what was written when the request ends between two looks of theirs: the
    // call fails as one that the server did not take, which is true, and is tried again. The next attempt finds the message.
    guard held.hasMessage || !method.hasOneRequest else { return fail(ClientCall.messageLost) }
    if isUnary {
      do { try sendUnary(held) } catch { fail(error) }
    } else {
      guard let call = try? await takeTurnToSend() else { return }
      update { $0.takeLastTurn() }
      start(on: call) { $0.sendClose() }
    }
  }

  private func finish(throwing error: any Error) {
    guard state.withLock({ $0.endRequest() }) != nil else { return }
    fail(error)
  }

  /// The request cannot be completed. A call that is over keeps its own status.
  private func fail(_ error: any Error) {
    if let error = error as? RPCError, error.code != .unknown {
      close(Status(code: Status.Code(error.code), message: error.message))
    } else {
      close(Status(code: .cancelled, message: "The request could not be completed: \(error)"))
    }
  }

  /// Makes core's call, whose deadline is in the metadata or its task's, and has `start` start its first batch, which sends the metadata.
  private func open(_ metadata: Metadata, start: (SharedCall, consuming Batch) -> Void) throws(RPCError) {
    let channel = try state.withLock { state throws(RPCError) in try state.channel() }
    let timeout = min(metadata.timeoutNanoseconds ?? .max, deadline?.nanosecondsLeft() ?? .max)
    // Core would begin the call, and the answer might be quicker than its timer.
    guard timeout > 0 else { throw ClientCall.outOfTime }
    let call = SharedCall(
      channel.makeCall(path: "/\(method.fullyQualifiedMethod)", timeoutNanoseconds: timeout))
    let batch = call.handle.makeBatch()
    try batch.sendInitialMetadata(metadata.compressing(options.compression), wait: options.wait)
    try state.withLock { state throws(RPCError) in try state.opened(call) }
    start(call, batch)
  }

  /// Sends and receives a whole unary call in one batch.
  private func sendUnary(_ held: ClientRequestState.Held) throws(RPCError) {
    try open(held.metadata) { _, batch in
      if let message = held.message { batch.sendMessage(message) }
      batch.sendClose()
      batch.receiveInitialMetadata()
      batch.receiveMessage()
      batch.receiveStatus()
      batch.start(for: self) { context, batch, _ in
        ClientCall.takeBack(context).completed(BatchResult(borrowing: batch))
      }
    }
  }

  /// On the queue's thread.
  private func completed(_ result: borrowing BatchResult) {
    let (status, trailing) = result.status
    let (metadata, beginning, message) = (result.initialMetadata, result.beginning, result.takeMessage())
    let bounded = withinDeadline(trailing, of: status)
    update { $0.completed(metadata, beginning: beginning, message, status, bounded) }
  }

  nonisolated(nonsending) private func takeTurnToSend() async throws -> SharedCall {
    let call = try state.withLock { try $0.callToSendOn() }
    try await takeTurn()
    return call
  }

  /// Starts a batch in the caller's turn.
  private func start(on call: SharedCall, _ fill: (borrowing Batch) -> Void) {
    let batch = call.handle.makeBatch()
    fill(batch)
    batch.start(for: self) { context, _, succeeded in
      ClientCall.takeBack(context).update { $0.sent(succeeded: succeeded) }
    }
  }
}

extension CallOptions {
  fileprivate var wait: illmrec_wait {
    switch waitForReady {
    case .some(true): ILLMREC_WAIT_FOR_READY
    case .some(false): ILLMREC_FAIL_FAST
    case .none: ILLMREC_WAIT_DEFAULT
    }
  }
}

extension Metadata {
  /// Asks core to compress the call's messages.
  fileprivate func compressing(_ algorithm: CompressionAlgorithm?) -> Metadata {
    let name: String
    switch algorithm {
    case .some(.gzip): name = "gzip"
    case .some(.deflate): name = "deflate"
    default: return self
    }
    var metadata = self
    metadata.replaceOrAddString(name, forKey: "grpc-internal-encoding-request")
    return metadata
  }
}
