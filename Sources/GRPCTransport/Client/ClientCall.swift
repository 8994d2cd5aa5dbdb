// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import GRPCCore
import Synchronization

/// One RPC on the client, between the tasks that write and read it and core.
///
/// Core's callbacks run on the queue's thread. A started batch holds the call until its completion has run.
final class ClientCall: OrderedSender {
  typealias State = ClientCallState<ChannelHandle, SharedCall>

  let method: MethodDescriptor
  let options: CallOptions
  /// The most bytes of a response that came compressed; core has looked at the others.
  let maxInflatedBytes: Int
  let deadline: CallDeadline?
  let state: Mutex<State>

  /// Whether request and response each are one message, so that one batch carries the whole call.
  var isUnary: Bool { method.type == .unary }

  init(
    channel: ChannelHandle, method: MethodDescriptor, options: CallOptions, maxInflatedBytes: Int,
    deadline: CallDeadline?
  ) {
    self.state = Mutex(State(channel: channel, receivesMessages: method.type != .unary))
    self.method = method
    self.options = options
    self.maxInflatedBytes = maxInflatedBytes
    self.deadline = deadline
  }

  /// The trailing metadata, with which no retry waits beyond the call's deadline.
  func withinDeadline(_ trailing: Metadata, of status: Status) -> Metadata {
    deadline?.bounding(trailing, of: status) ?? trailing
  }

  /// Ends the call unless it is over. Idempotent.
  func close(_ status: Status = ClientCall.cancelledStatus) {
    let action = state.withLock { $0.close(status) }
    action.cancels?.handle.cancel(status)
    perform(action)
  }

  /// Changes the state and does what follows from it.
  func update(_ change: (inout State) -> State.Action) {
    perform(state.withLock { change(&$0) })
  }

  func perform(_ action: State.Action) {
    if let call = action.receives { receive(on: call) }
    action.finishes?.handle.finish()
    action.wakeups.resume()
  }

  func withTurn<Result: Sendable>(_ change: (inout SendTurn) -> Result) -> Result {
    state.withLock { change(&$0.turn) }
  }
}

extension ClientCall {
  static let cancelledStatus = Status(code: .cancelled, message: "The call was cancelled by its caller.")
  static let cancelled = RPCError(code: .cancelled, message: cancelledStatus.message)
  static let over = RPCError(code: .unavailable, message: "The call is over; nothing more can be sent on it.")
  static let requestEnded = RPCError(
    code: .internalError, message: "The request was ended; nothing can be written after that.")
  static let outOfTime = RPCError(
    code: .deadlineExceeded, message: "The call's deadline had passed before it was made.")
  static let messageLost = RPCError(
    code: .unavailable,
    message: "The request ended without its message; nothing was sent, and the call can be made again.")
  static let misplacedMetadata = RPCError(
    code: .internalError, message: "The request's metadata was written twice; it is written once, before the messages.")
  static let misplacedMessage = RPCError(
    code: .internalError, message: "A message was written before the request's metadata; write the metadata first.")
}
