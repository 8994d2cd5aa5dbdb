// SPDX-License-Identifier: Apache-2.0

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
        try state.withLock { try $0.hold(metadata) }
      } else {
        try await sendMetadata(metadata)
      }
    case .message(let message):
      if isUnary {
        try state.withLock { try $0.hold(message) }
      } else {
        try await takeTurn()
        let batch = handle.makeBatch()
        batch.sendMessage(message)
        start(batch)
      }
    case .status(let status, let metadata):
      try await sendStatus(status, metadata)
    }
  }

  /// Ends a call whose handler did not send a status.
  nonisolated(nonsending) func finish(_ error: (any Error)?) async {
    guard state.withLock({ $0.lacksStatus }) else { return }
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
    do {
      let batch = handle.makeBatch()
      try batch.sendInitialMetadata(metadata, compresses: rules.compressesResponses)
      try state.withLock { try $0.beginResponse() }
      start(batch)
    } catch {
      update { $0.passTurn() }
      throw error
    }
  }

  nonisolated(nonsending) private func sendStatus(_ status: Status, _ metadata: Metadata) async throws {
    try await takeTurn()
    let (remainder, wakeups) = state.withLock { $0.endResponse() }
    wakeups.resume()
    do {
      try start(finalBatch(remainder.metadata, status.code == .ok ? remainder.message : nil, status, metadata))
    } catch {
      // A call must end: what cannot be sent gives way to the reason.
      let status = Status(code: Status.Code(error.code), message: error.message)
      guard let batch = try? finalBatch(remainder.metadata == nil ? nil : [:], nil, status, [:]) else {
        return update { $0.passTurn() }
      }
      start(batch)
    }
  }

  private func finalBatch(
    _ initial: Metadata?, _ message: MessageBytes?, _ status: Status, _ trailing: Metadata
  ) throws(RPCError) -> Batch {
    let batch = handle.makeBatch()
    if let initial { try batch.sendInitialMetadata(initial, compresses: rules.compressesResponses && message != nil) }
    if let message { batch.sendMessage(message) }
    try batch.sendStatus(status, trailing)
    return batch
  }

  private func start(_ batch: consuming Batch) {
    batch.start(for: self) { context, _, succeeded in
      ServerCall.takeBack(context).update { $0.sent(succeeded: succeeded) }
    }
  }
}
