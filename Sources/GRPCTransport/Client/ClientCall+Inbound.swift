// SPDX-License-Identifier: Apache-2.0

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
    update { $0.beginReceiving() }
  }

  /// Asks core for the next message. Only when the state said so.
  func receive(on call: SharedCall) {
    let batch = call.handle.makeBatch()
    batch.receiveMessage()
    batch.start(for: self) { context, batch, _ in
      let message = BatchResult(borrowing: batch).takeMessage()
      ClientCall.takeBack(context).update { $0.received(message) }
    }
  }

  /// On the queue's thread.
  private func receivedMetadata(_ result: borrowing BatchResult, succeeded: Bool) {
    // Without metadata the call has failed, as its status will say.
    guard succeeded else { return }
    let (metadata, beginning) = (result.initialMetadata, result.beginning)
    update { $0.received(metadata, beginning: beginning) }
  }

  /// On the queue's thread.
  private func receivedStatus(_ result: borrowing BatchResult) {
    let (status, trailing) = result.status
    let bounded = withinDeadline(trailing, of: status)
    update { $0.ended(status, bounded) }
  }

  nonisolated(nonsending) fileprivate func nextPart() async -> RPCResponsePart<MessageBytes>? {
    while true {
      let (next, action) = state.withLock { $0.nextPart() }
      perform(action)
      switch next {
      case .part(let part): return part
      case .end: return nil
      case .wait: await waitForPart()
      }
    }
  }

  private nonisolated(nonsending) func waitForPart() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { reader in
        update { $0.wait(reader) }
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
        guard let part = await call.nextPart() else { return nil }
        guard case .message(let message) = part else { return part }
        do {
          return .message(try checked(message))
        } catch {
          call.close()
          throw error
        }
      }

      private func checked(_ message: MessageBytes) throws(RPCError) -> MessageBytes {
        let message = try message.inflated(limit: call.maxInflatedBytes)
        guard let limit = call.options.maxResponseMessageBytes, message.count > limit else { return message }
        throw RPCError(
          code: .resourceExhausted,
          message: "The response has \(message.count) bytes; the call allows \(limit) (maxResponseMessageBytes).")
      }
    }
  }
}
