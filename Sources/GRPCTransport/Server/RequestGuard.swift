// SPDX-License-Identifier: Apache-2.0

public import GRPCCore

/// Judges request messages by their bytes, before anything is decoded: a small message may decode to a large one.
///
/// Called where the handler runs, by many calls at a time.
public protocol RequestGuard: Sendable {
  /// Grants the message what it will take, in a unit of the guard's own. It is given back when the handler has returned, or reads its
  /// next message.
  ///
  /// - Throws: what the handler gets instead of the message; by default the call ends with it.
  func admit(_ message: MessageBytes, of method: MethodDescriptor) throws -> Int

  /// Takes back what was granted.
  func release(_ granted: Int)
}
