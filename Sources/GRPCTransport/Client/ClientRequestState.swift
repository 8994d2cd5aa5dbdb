// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// How much of a request its caller has written. A pure state machine: the caller locks it and sends what it returns.
enum ClientRequestState {
  /// What the caller of a unary call has written waits here, to go out in one batch. Becomes `complete`.
  case open(Held)
  /// The caller has ended the request.
  case complete

  struct Held: Sendable {
    var metadata = Metadata()
    var message: MessageBytes?
    /// Whether a message was written, also where it has gone out by itself.
    var hasMessage = false
  }

  mutating func hold(_ metadata: Metadata) throws(RPCError) {
    var held = try held()
    held.metadata = metadata
    self = .open(held)
  }

  mutating func hold(_ message: MessageBytes) throws(RPCError) {
    var held = try held()
    guard held.message == nil else {
      throw RPCError(code: .internalError, message: "A unary request has one message; a second one was written.")
    }
    held.message = message
    held.hasMessage = true
    self = .open(held)
  }

  /// A message of a streaming call goes out.
  mutating func noteMessage() {
    guard case .open(var held) = self, !held.hasMessage else { return }
    held.hasMessage = true
    self = .open(held)
  }

  /// The request ends, with what is returned; nil when it has ended before.
  mutating func end() -> Held? {
    guard case .open(let held) = self else { return nil }
    self = .complete
    return held
  }

  private func held() throws(RPCError) -> Held {
    guard case .open(let held) = self else { throw ClientCall.requestEnded }
    return held
  }
}
