// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// The handler of a call on the server, and how it learns that nobody waits for its response any more.
///
/// Its task and its cancellation handle become known while it runs, in either order and perhaps after they are needed, so an
/// interruption is remembered. A pure state machine: the caller locks it and performs the interruptions it returns outside the lock.
struct ServerHandlerState {
  /// Goes forward only; a phase may be left out.
  enum Phase: Comparable {
    case running
    /// The RPC counts as cancelled; how long the handler goes on is its own affair.
    case signalled
    /// Its task is cancelled as well.
    case abandoned
    case ended
  }

  /// What to cancel now.
  struct Interruption: Sendable {
    var cancellation: ServerContext.RPCCancellationHandle?
    var task: Task<Void, Never>?

    func perform() {
      cancellation?.cancel()
      task?.cancel()
    }
  }

  private(set) var phase = Phase.running
  private var cancellation: ServerContext.RPCCancellationHandle?
  private var task: Task<Void, Never>?

  mutating func attach(_ cancellation: ServerContext.RPCCancellationHandle) -> Interruption {
    guard phase != .ended else { return Interruption() }
    self.cancellation = cancellation
    return Interruption(cancellation: phase >= .signalled ? cancellation : nil)
  }

  mutating func attach(_ task: Task<Void, Never>) -> Interruption {
    guard phase != .ended else { return Interruption() }
    self.task = task
    return Interruption(task: phase >= .abandoned ? task : nil)
  }

  mutating func signal() -> Interruption {
    guard phase < .signalled else { return Interruption() }
    phase = .signalled
    return Interruption(cancellation: cancellation)
  }

  mutating func abandon() -> Interruption {
    guard phase < .abandoned else { return Interruption() }
    phase = .abandoned
    return Interruption(cancellation: cancellation, task: task)
  }

  mutating func end() {
    phase = .ended
    cancellation = nil
    task = nil
  }
}
