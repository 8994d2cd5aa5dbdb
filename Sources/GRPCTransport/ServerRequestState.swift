import GRPCCore

/// The requests of a streaming call and the handler that may wait for the next one. A pure state machine: the caller locks it and
/// performs the actions outside the lock.
struct ServerRequestState {
  typealias Waiter = CheckedContinuation<MessageBytes?, any Error>

  enum Next {
    case message(MessageBytes, startReceive: Bool)
    case end
    case failure(RPCError)
    case wait
  }

  struct Delivery {
    var waiter: Waiter?
    var result: Result<MessageBytes?, any Error> = .success(nil)
    var startReceive = false

    func resume() { waiter?.resume(with: result) }
  }

  private var inbox = Inbox()
  private var waiter: Waiter?

  var isReceiving: Bool { inbox.isReceiving }

  mutating func startReceiveIfHungry() -> Bool { inbox.startReceiveIfHungry() }

  mutating func next() -> Next {
    switch inbox.next() {
    case .message(let message): .message(message, startReceive: inbox.startReceiveIfHungry())
    case .end: .end
    case .failure(let error): .failure(error)
    case .wait: .wait
    }
  }

  /// Keeps the reader until there is something for it; a delivery comes back when there is already.
  mutating func park(_ waiter: Waiter) -> Delivery {
    self.waiter = waiter
    return deliver()
  }

  mutating func received(_ message: MessageBytes?, ending: Inbox.Ending) -> Delivery {
    inbox.received(message, ending: ending)
    var delivery = deliver()
    if inbox.startReceiveIfHungry() { delivery.startReceive = true }
    return delivery
  }

  mutating func fail(_ error: RPCError) -> Delivery {
    inbox.fail(error)
    return deliver()
  }

  private mutating func deliver() -> Delivery {
    guard let waiter else { return Delivery() }
    var delivery = Delivery(waiter: waiter)
    switch next() {
    case .wait: return Delivery()
    case .message(let message, let startReceive):
      delivery.result = .success(message)
      delivery.startReceive = startReceive
    case .end: delivery.result = .success(nil)
    case .failure(let error): delivery.result = .failure(error)
    }
    self.waiter = nil
    return delivery
  }
}
