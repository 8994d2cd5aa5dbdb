// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// The messages of one direction of a call on their way from core to the one task that reads them.
///
/// Core is asked for the next message while little is held, so a reader rarely waits and a slow one stops the sender: beyond
/// `capacityBytes` and one message, bytes stay with the peer. A pure state machine: the caller locks it and performs the actions
/// outside the lock.
struct Inbox {
  enum Phase {
    /// Core may not be asked yet. Becomes `open` or `failed`.
    case unopened
    /// Core is asked while little is held. Becomes `ended` or `failed`.
    case open
    /// No more messages come; those that arrived before are still handed out.
    case ended
    /// The same, and then this is why.
    case failed(RPCError)
  }

  enum Next {
    case message(MessageBytes)
    case end
    case failure(RPCError)
    case wait
  }

  static let capacityBytes = 64 * 1024
  static let capacityMessages = 16

  private var messages: [MessageBytes] = []
  private var bytes = 0
  private(set) var isReceiving = false
  private var phase: Phase

  init(_ phase: Phase = .open) {
    self.phase = phase
  }

  /// Nothing but `message`.
  init(holding message: MessageBytes) {
    self.init(.ended)
    messages = [message]
    bytes = message.count
  }

  var hasMessages: Bool { !messages.isEmpty }

  /// Whether `next` has an answer other than `wait`.
  var isReady: Bool {
    switch phase {
    case .unopened, .open: hasMessages
    case .ended, .failed: true
    }
  }

  /// Core may be asked from now on.
  mutating func open() {
    if case .unopened = phase { phase = .open }
  }

  /// Whether to start receiving now; if so, the caller does.
  mutating func startReceiveIfHungry() -> Bool {
    guard case .open = phase, !isReceiving, bytes < Self.capacityBytes, messages.count < Self.capacityMessages
    else { return false }
    isReceiving = true
    return true
  }

  mutating func next() -> Next {
    if !messages.isEmpty {
      let message = messages.removeFirst()
      bytes -= message.count
      return .message(message)
    }
    switch phase {
    case .unopened, .open: return .wait
    case .ended: return .end
    case .failed(let error): return .failure(error)
    }
  }

  /// A receive completed; `nil` means that the stream is over, as `ending` says.
  mutating func received(_ message: MessageBytes?, ending: Phase) {
    isReceiving = false
    guard case .open = phase else { return }
    if let message {
      messages.append(message)
      bytes += message.count
    } else {
      phase = ending
    }
  }

  /// Nothing more is of interest: what was not read yet is dropped.
  mutating func fail(_ error: RPCError) {
    if case .failed = phase { return }
    phase = .failed(error)
    messages = []
    bytes = 0
  }
}
