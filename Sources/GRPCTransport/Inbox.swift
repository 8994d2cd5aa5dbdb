import GRPCCore

/// The messages of one direction of a call on their way from core to the one task that reads them.
///
/// It asks core for the next message while it holds little, so a reader rarely waits and a slow one stops the sender: beyond
/// `capacityBytes` and one message, bytes stay with the peer. A pure state machine: the caller locks it and performs the actions
/// outside the lock.
struct Inbox {
  enum Ending {
    case open
    /// The peer sends no more; messages that arrived before are still handed out.
    case ended
    case failed(RPCError)
  }

  enum Next {
    case message(MessageBytes, startReceive: Bool)
    case end
    case failure(RPCError)
    case wait
  }

  typealias Waiter = CheckedContinuation<MessageBytes?, any Error>

  struct Delivery {
    var waiter: Waiter?
    var result: Result<MessageBytes?, any Error> = .success(nil)
    var startReceive = false

    func resume() { waiter?.resume(with: result) }
  }

  private static let capacityBytes = 64 * 1024
  private static let capacityMessages = 16

  private var messages: [MessageBytes] = []
  private var bytes = 0
  private var waiter: Waiter?
  private(set) var isReceiving = false
  private(set) var ending = Ending.open

  var hasMessages: Bool { !messages.isEmpty }

  private var isHungry: Bool {
    guard case .open = ending, !isReceiving else { return false }
    return bytes < Self.capacityBytes && messages.count < Self.capacityMessages
  }

  /// Whether to start receiving now; if so, the caller does.
  mutating func startReceiveIfHungry() -> Bool {
    guard isHungry else { return false }
    isReceiving = true
    return true
  }

  mutating func next() -> Next {
    if !messages.isEmpty {
      let message = messages.removeFirst()
      bytes -= message.count
      return .message(message, startReceive: startReceiveIfHungry())
    }
    switch ending {
    case .open: return .wait
    case .ended: return .end
    case .failed(let error): return .failure(error)
    }
  }

  /// Keeps the reader until there is something for it; a delivery comes back when there is already.
  mutating func park(_ waiter: Waiter) -> Delivery {
    switch next() {
    case .wait:
      self.waiter = waiter
      return Delivery()
    case .message(let message, let startReceive):
      return Delivery(waiter: waiter, result: .success(message), startReceive: startReceive)
    case .end:
      return Delivery(waiter: waiter, result: .success(nil))
    case .failure(let error):
      return Delivery(waiter: waiter, result: .failure(error))
    }
  }

  /// A receive completed; `nil` means that the stream is over, as `ending` says.
  mutating func received(_ message: MessageBytes?, ending newEnding: Ending) -> Delivery {
    isReceiving = false
    if let message {
      guard case .open = ending else { return Delivery() }
      messages.append(message)
      bytes += message.count
    } else if case .open = ending {
      ending = newEnding
    }
    return deliver()
  }

  /// Nothing more is of interest: what was not read yet is dropped.
  mutating func fail(_ error: RPCError) -> Delivery {
    if case .failed = ending { return Delivery() }
    ending = .failed(error)
    messages = []
    bytes = 0
    return deliver()
  }

  private mutating func deliver() -> Delivery {
    guard let waiter else { return Delivery(startReceive: startReceiveIfHungry()) }
    self.waiter = nil
    var delivery = park(waiter)
    delivery.startReceive = delivery.startReceive || startReceiveIfHungry()
    return delivery
  }
}
