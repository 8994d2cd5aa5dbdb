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
        state.withLock { $0.heldMetadata = metadata }
      } else {
        try begin(metadata)
      }
    case .message(let message):
      try check(message)
      if isUnary {
        try state.withLock { try $0.hold(message) }
      } else {
        try await takeTurn()
        start { $0.sendMessage(message) }
      }
    }
  }

  private func check(_ message: MessageBytes) throws {
    guard let limit = options.maxRequestMessageBytes, message.count > limit else { return }
    throw RPCError(
      code: .resourceExhausted,
      message: "The request has \(message.count) bytes; the call allows \(limit) (maxRequestMessageBytes).")
  }

  /// Sends the metadata of a streaming call.
  private func begin(_ metadata: Metadata) throws {
    let call = try open(metadata)
    let batch = try makeFirstBatch(call, metadata)
    batch.start(for: self) { context, _, _ in _ = ClientCall.takeBack(context) }
    startReading(call)
  }

  nonisolated(nonsending) private func finish() async {
    guard state.withLock({ $0.beginHalfClose() }) else { return }
    if isUnary {
      do { try sendUnary() } catch { fail(error) }
    } else {
      guard (try? await takeTurn()) != nil else { return }
      start { $0.sendClose() }
    }
  }

  private func finish(throwing error: any Error) {
    guard state.withLock({ $0.beginHalfClose() }) else { return }
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

  private func makeFirstBatch(_ call: SharedCall, _ metadata: Metadata) throws(RPCError) -> Batch {
    let batch = call.handle.makeBatch()
    do {
      try batch.sendInitialMetadata(metadata.compressing(options.compression), wait: options.wait)
    } catch {
      abandon()
      throw error
    }
    return batch
  }

  /// Sends and receives a whole unary call in one batch.
  private func sendUnary() throws {
    let (metadata, message) = state.withLock { state in
      defer { state.heldMessage = nil }
      return (state.heldMetadata ?? [:], state.heldMessage)
    }
    let batch = try makeFirstBatch(open(metadata), metadata)
    if let message { batch.sendMessage(message) }
    batch.sendClose()
    batch.receiveInitialMetadata()
    batch.receiveMessage()
    batch.receiveStatus()
    batch.start(for: self) { context, batch, _ in
      ClientCall.takeBack(context).completed(BatchResult(borrowing: batch))
    }
  }

  /// On the queue's thread.
  private func completed(_ result: borrowing BatchResult) {
    let (status, trailing) = result.status
    let metadata = result.initialMetadata
    let message = result.takeMessage()
    update { state, _ in
      state.response.received(metadata: metadata, beginning: state.beginning)
      if let message { state.response.received(onlyMessage: message) }
      state.response.ended(status, trailing)
    }
  }

  private func start(_ fill: (borrowing Batch) -> Void) {
    guard let call = state.withLock({ $0.call }) else { return }
    let batch = call.handle.makeBatch()
    fill(batch)
    batch.start(for: self) { context, _, succeeded in
      ClientCall.takeBack(context).sent(succeeded)
    }
  }

  /// On the queue's thread.
  private func sent(_ succeeded: Bool) {
    update { state, wakeups in
      // The status, which is on its way, says why.
      if !succeeded { wakeups.refuse(&state.turn, Self.over) }
      wakeups.writer = state.turn.pass()
    }
  }

  nonisolated(nonsending) private func takeTurn() async throws {
    switch state.withLock({ $0.turn.claim() }) {
    case .granted: return
    case .refused(let error): throw error
    case .wait: break
    }
    try await withCheckedThrowingContinuation { writer in
      switch state.withLock({ $0.turn.park(writer) }) {
      case .granted: writer.resume()
      case .refused(let error): writer.resume(throwing: error)
      case .wait: break
      }
    }
  }
}

extension ClientCall.State {
  fileprivate mutating func hold(_ message: MessageBytes) throws {
    guard heldMessage == nil else {
      throw RPCError(code: .internalError, message: "A unary request has one message; a second one was written.")
    }
    heldMessage = message
  }

  /// Whether this is the first end of the request.
  fileprivate mutating func beginHalfClose() -> Bool {
    defer { isHalfClosed = true }
    return !isHalfClosed
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
