// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// Tasks to resume once a call's state has changed and is unlocked again.
struct Wakeups: Sendable {
  typealias Reader = CheckedContinuation<Void, Never>

  /// There is something to read, or will not be any more.
  var reader: Reader?
  /// It is this writer's turn.
  var writer: SendTurn.Writer?
  /// These writers will never have a turn.
  var refused: [SendTurn.Writer] = []
  var refusal: RPCError?

  mutating func refuse(_ turn: inout SendTurn, _ error: RPCError) {
    let writers = turn.refuse(error)
    guard !writers.isEmpty else { return }
    refused += writers
    refusal = error
  }

  func resume() {
    reader?.resume()
    writer?.resume()
    guard let refusal else { return }
    for writer in refused { writer.resume(throwing: refusal) }
  }
}
