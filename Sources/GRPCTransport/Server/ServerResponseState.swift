// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// How much of a response has gone out. A pure state machine: the caller locks it and sends what it returns.
enum ServerResponseState {
  /// Nothing. What the handler of a unary call has written waits here, to go out with the status in one batch. Becomes `begun` or
  /// `ended`.
  case held(Metadata, MessageBytes?)
  /// The metadata and any number of messages. Becomes `ended`.
  case begun
  /// The status, and nothing can follow it.
  case ended

  /// What goes out together with the status.
  struct Remainder: Sendable {
    /// Nil when it has gone out before.
    var metadata: Metadata?
    var message: MessageBytes?
  }

  mutating func hold(_ metadata: Metadata) throws(RPCError) {
    guard case .held(_, let message) = self else { throw misplaced("metadata") }
    self = .held(metadata, message)
  }

  mutating func hold(_ message: MessageBytes) throws(RPCError) {
    guard case .held(let metadata, let held) = self else { throw misplaced("a message") }
    guard held == nil else {
      throw RPCError(code: .internalError, message: "A unary response has one message; the handler wrote a second one.")
    }
    self = .held(metadata, message)
  }

  /// The metadata goes out by itself.
  mutating func begin() throws(RPCError) {
    guard case .held = self else { throw misplaced("metadata") }
    self = .begun
  }

  /// The status goes out, with what is returned. Once.
  mutating func end() -> Remainder {
    defer { self = .ended }
    guard case .held(let metadata, let message) = self else { return Remainder() }
    return Remainder(metadata: metadata, message: message)
  }

  private func misplaced(_ part: String) -> RPCError {
    RPCError(
      code: .internalError,
      message: "The handler wrote \(part) after the metadata or the status; a response is metadata, messages, status.")
  }
}
