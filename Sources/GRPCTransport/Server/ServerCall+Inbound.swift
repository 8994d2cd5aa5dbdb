// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import GRPCCore
import Synchronization

extension ServerCall {
  /// Asks core for the next message. Only when the inbox said so.
  func receive() {
    let batch = handle.makeBatch()
    batch.receiveMessage()
    batch.start(for: self) { context, batch, _ in
      ServerCall.takeBack(context).received(BatchResult(borrowing: batch))
    }
  }

  /// On a queue thread.
  private func received(_ result: borrowing BatchResult) {
    let message = result.takeMessage()
    // A client that breaks off must not look like one that has sent everything.
    let ending: Inbox.Phase = message == nil && result.receiveFailed ? .failed(Self.cancelled) : .ended
    update { $0.received(message, ending: ending) }
  }

  /// The next request message, or nil after the last one.
  nonisolated(nonsending) func nextMessage() async throws -> MessageBytes? {
    while true {
      let (next, action) = state.withLock { $0.nextRequest() }
      perform(action)
      switch next {
      case .message(let message): return message
      case .end: return nil
      case .failure(let error): throw error
      case .wait: await waitForRequest()
      }
    }
  }

  private nonisolated(nonsending) func waitForRequest() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { reader in
        update { $0.wait(reader) }
      }
    } onCancel: {
      update { $0.stopReading() }
    }
  }

  /// What the client sends, in order.
  struct Requests: AsyncSequence, Sendable {
    let call: ServerCall

    func makeAsyncIterator() -> Iterator { Iterator(call: call) }

    struct Iterator: AsyncIteratorProtocol {
      private enum Position { case metadata, message, end }

      let call: ServerCall
      private var position = Position.metadata

      init(call: ServerCall) {
        self.call = call
      }

      mutating func next() async throws -> RPCRequestPart<MessageBytes>? {
        try await next(isolation: nil)
      }

      mutating func next(
        isolation actor: isolated (any Actor)?
      ) async throws(any Error) -> RPCRequestPart<MessageBytes>? {
        switch position {
        case .metadata:
          position = .message
          return .metadata(call.metadata)
        case .message:
          if call.hasOneRequest {
            position = .end
            guard let request = call.onlyRequest else {
              throw call.brokeOff ? ServerCall.cancelled : ServerCall.withoutRequest
            }
            return try admitted(request)
          }
          if let message = try await call.nextMessage() { return try admitted(message) }
          position = .end
          return nil
        case .end:
          return nil
        }
      }

      private func admitted(_ message: MessageBytes) throws -> RPCRequestPart<MessageBytes> {
        .message(try call.admit(message))
      }
    }
  }
}
