import CGrpcShim
import GRPCCore
import Synchronization

extension ClientCall {
  /// Starts what reads a streaming call: metadata and status at once, so that a failing call is noticed at any time.
  func startReading(_ call: SharedCall) {
    let metadata = call.handle.makeBatch()
    metadata.receiveInitialMetadata()
    metadata.start(for: self) { context, batch, succeeded in
      ClientCall.takeBack(context).receivedMetadata(BatchResult(borrowing: batch), succeeded: succeeded)
    }
    let status = call.handle.makeBatch()
    status.receiveStatus()
    status.start(for: self) { context, batch, _ in
      ClientCall.takeBack(context).receivedStatus(BatchResult(borrowing: batch))
    }
    if state.withLock({ $0.response.startReceiveIfHungry() }) { receive() }
  }

  private func receive() {
    guard let call = state.withLock({ $0.call }) else { return }
    let batch = call.handle.makeBatch()
    batch.receiveMessage()
    batch.start(for: self) { context, batch, _ in
      ClientCall.takeBack(context).received(BatchResult(borrowing: batch).takeMessage())
    }
  }

  /// On the queue's thread.
  private func received(_ message: MessageBytes?) {
    var delivery = ClientResponseState.Delivery()
    update { delivery = $0.response.received(message: message) }
    perform(delivery)
  }

  /// On the queue's thread.
  private func receivedMetadata(_ result: borrowing BatchResult, succeeded: Bool) {
    // Without metadata the call has failed, as its status will say.
    guard succeeded else { return }
    let metadata = result.initialMetadata
    perform(state.withLock { $0.response.received(metadata: metadata, beginning: $0.beginning) })
  }

  /// On the queue's thread.
  private func receivedStatus(_ result: borrowing BatchResult) {
    let (status, trailing) = result.status
    var delivery = ClientResponseState.Delivery()
    var writers: [SendTurn.Waiter] = []
    update { state in
      delivery = state.response.ended(status, trailing)
      writers = state.turn.refuse(Self.over)
    }
    perform(delivery)
    for writer in writers { writer.resume(throwing: Self.over) }
  }

  private func perform(_ delivery: ClientResponseState.Delivery) {
    if delivery.startReceive { receive() }
    delivery.resume()
  }

  nonisolated(nonsending) fileprivate func nextPart() async throws -> RPCResponsePart<MessageBytes>? {
    switch state.withLock({ $0.response.next() }) {
    case .part(let part, let startReceive):
      if startReceive { receive() }
      return part
    case .end: return nil
    case .failure(let error): throw error
    case .wait: break
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { waiter in
        perform(state.withLock { $0.response.park(waiter) })
      }
    } onCancel: {
      close()
    }
  }

  /// What the server sends, in order.
  struct Responses: AsyncSequence, Sendable {
    let call: ClientCall

    func makeAsyncIterator() -> Iterator { Iterator(call: call) }

    struct Iterator: AsyncIteratorProtocol {
      let call: ClientCall

      mutating func next() async throws -> RPCResponsePart<MessageBytes>? {
        try await next(isolation: nil)
      }

      mutating func next(
        isolation actor: isolated (any Actor)?
      ) async throws(any Error) -> RPCResponsePart<MessageBytes>? {
        guard let part = try await call.nextPart() else { return nil }
        if case .message(let message) = part, let limit = call.options.maxResponseMessageBytes, message.count > limit {
          call.close()
          throw RPCError(
            code: .resourceExhausted,
            message: "The response has \(message.count) bytes; the call allows \(limit) (maxResponseMessageBytes).")
        }
        return part
      }
    }
  }

  static let over = RPCError(code: .unavailable, message: "The call is over; nothing more can be sent on it.")
}
