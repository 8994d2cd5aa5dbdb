// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// Lets one batch of a direction be under way at a time; writers wait for their turn in order.
///
/// A writer goes on as soon as its batch has started, so one message is on its way while the next one is made, and a slow peer
/// stops the writer. A pure state machine: the caller locks it and resumes the writers it returns outside the lock.
struct SendTurn {
  typealias Writer = CheckedContinuation<Void, any Error>

  enum Claim {
    case granted
    case refused(RPCError)
    case wait
  }

  private(set) var isTaken = false
  private var writers: [Writer] = []
  private var refusal: RPCError?

  mutating func claim() -> Claim {
    if let refusal { return .refused(refusal) }
    if isTaken { return .wait }
    isTaken = true
    return .granted
  }

  /// Queues the writer unless its claim can be answered now.
  mutating func park(_ writer: Writer) -> Claim {
    let claim = claim()
    if case .wait = claim { writers.append(writer) }
    return claim
  }

  /// The batch under way is over; the turn passes to the writer returned.
  mutating func pass() -> Writer? {
    if writers.isEmpty {
      isTaken = false
      return nil
    }
    return writers.removeFirst()
  }

  /// The batch under way is over; where it failed, nothing can be sent after it. Adds the writers to resume to `wakeups`.
  mutating func completed(succeeded: Bool, otherwise error: @autoclosure () -> RPCError, _ wakeups: inout Wakeups) {
    if !succeeded { wakeups.refuse(&self, error()) }
    wakeups.writer = pass()
  }

  /// Nothing can be sent from now on but what is under way. The writers returned are to be resumed with the error.
  mutating func refuse(_ error: RPCError) -> [Writer] {
    guard refusal == nil else { return [] }
    refusal = error
    let refused = writers
    writers = []
    return refused
  }
}
