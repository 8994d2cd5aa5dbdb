import CGrpcShim
import GRPCCore
import Synchronization

extension ServerCall {
  /// Takes what the handler's side sends.
  struct Responses: ClosableRPCWriterProtocol {
    let call: ServerCall

    nonisolated(nonsending) func write(_ part: RPCResponsePart<MessageBytes>) async throws {
      try await call.write(part)
    }

    nonisolated(nonsending) func write(contentsOf parts: some Sequence<RPCResponsePart<MessageBytes>>) async throws {
      for part in parts { try await call.write(part) }
    }

    nonisolated(nonsending) func finish() async { await call.finish(nil) }

    nonisolated(nonsending) func finish(throwing error: any Error) async { await call.finish(error) }
  }

  nonisolated(nonsending) fileprivate func write(_ part: RPCResponsePart<MessageBytes>) async throws {
    switch part {
    case .metadata(let metadata):
      if isUnary {
        state.withLock { $0.heldMetadata = metadata }
      } else {
        try await sendMetadata(metadata)
      }
    case .message(let message):
      if isUnary {
        try state.withLock { try $0.hold(message) }
      } else {
        try await takeTurn()
        send { batch in batch.sendMessage(message) }
      }
    case .status(let status, let metadata):
      try await sendStatus(status, metadata)
    }
  }

  /// Ends a call whose handler did not send a status.
  nonisolated(nonsending) func finish(_ error: (any Error)?) async {
    guard !state.withLock({ $0.isFinished || $0.isCancelled }) else { return }
    let status =
      switch error {
      case let error as RPCError: Status(code: Status.Code(error.code), message: error.message)
      case .some: Status(code: .unknown, message: "The handler failed.")
      case .none: Status(code: .internalError, message: "The handler ended without a status.")
      }
    try? await sendStatus(status, [:])
  }

  nonisolated(nonsending) private func sendMetadata(_ metadata: Metadata) async throws {
    try await takeTurn()
    state.withLock { $0.hasSentMetadata = true }
    do {
      let batch = handle.makeBatch()
      try batch.sendInitialMetadata(metadata)
      start(batch)
    } catch {
      state.withLock { $0.hasSentMetadata = false }
      passTurn()
      throw error
    }
  }

  nonisolated(nonsending) private func sendStatus(_ status: Status, _ metadata: Metadata) async throws {
    try await takeTurn()
    let (isFirst, initial, message) = state.withLock { state in
      let isFirst = !state.isFinished
      state.isFinished = true
      defer { state.heldMessage = nil }
      return (isFirst, state.hasSentMetadata ? nil : state.heldMetadata ?? [:], state.heldMessage)
    }
    guard isFirst else { return passTurn() }
    do {
      try start(finalBatch(initial: initial, message: status.code == .ok ? message : nil, status, metadata))
    } catch {
      // A call must end: what cannot be sent gives way to the reason.
      let status = Status(code: Status.Code(error.code), message: error.message)
      guard let batch = try? finalBatch(initial: initial == nil ? nil : [:], message: nil, status, [:]) else {
        return passTurn()
      }
      start(batch)
    }
  }

  private func finalBatch(
    initial: Metadata?, message: MessageBytes?, _ status: Status, _ metadata: Metadata
  ) throws(RPCError) -> Batch {
    let batch = handle.makeBatch()
    if let initial { try batch.sendInitialMetadata(initial) }
    if let message { batch.sendMessage(message) }
    try batch.sendStatus(status, metadata)
    return batch
  }

  private func send(_ fill: (borrowing Batch) -> Void) {
    let batch = handle.makeBatch()
    fill(batch)
    start(batch)
  }

  private func start(_ batch: consuming Batch) {
    batch.start(for: self) { context, _, succeeded in
      ServerCall.takeBack(context).sent(succeeded)
    }
  }

  /// On a queue thread.
  private func sent(_ succeeded: Bool) {
    update { state, wakeups in
      if !succeeded { wakeups.refuse(&state.turn, Self.cancelled) }
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

  private func passTurn() {
    update { state, wakeups in wakeups.writer = state.turn.pass() }
  }
}

extension ServerCall.State {
  fileprivate mutating func hold(_ message: MessageBytes) throws {
    guard heldMessage == nil else {
      throw RPCError(code: .internalError, message: "A unary response has one message; the handler wrote a second one.")
    }
    heldMessage = message
  }
}
