import CGrpcShim
import GRPCCore

/// What a client received so far, and in which order the reader gets it: metadata, messages, status; or just the status when the
/// server rejected the call.
///
/// A rejection ("trailers-only"), on which grpc-swift-2 may try again, comes from core as empty metadata followed by a status. So
/// metadata is handed out once it is known that it does not belong to a rejection. A pure state machine: the caller locks it and
/// performs the actions outside the lock.
struct ClientResponseState {
  typealias Part = RPCResponsePart<MessageBytes>
  typealias Waiter = CheckedContinuation<Part?, any Error>

  enum Next {
    case part(Part, startReceive: Bool)
    case end
    case failure(RPCError)
    case wait
  }

  struct Delivery {
    var waiter: Waiter?
    var result: Result<Part?, any Error> = .success(nil)
    var startReceive = false

    func resume() { waiter?.resume(with: result) }
  }

  private enum Position { case metadata, body, end }

  private var position = Position.metadata
  private var metadata: Metadata?
  private var beginning = ILLMREC_RESPONSE_UNKNOWN
  private var inbox = Inbox()
  private var status: (Status, Metadata)?
  private var waiter: Waiter?
  /// Whether core has a batch that will report the call's end.
  var hasBegun = false

  var hasEnded: Bool { status != nil }
  var isReceiving: Bool { inbox.isReceiving }

  /// Whether to start receiving now; if so, the caller does. Nothing comes after the status.
  mutating func startReceiveIfHungry() -> Bool { status == nil && inbox.startReceiveIfHungry() }

  mutating func next() -> Next {
    switch position {
    case .metadata: return nextBeforeBody()
    case .body: return nextInBody()
    case .end: return .end
    }
  }

  private mutating func nextBeforeBody() -> Next {
    if let metadata, !metadata.isEmpty || inbox.hasMessages || beginning == ILLMREC_RESPONSE_ACCEPTED {
      position = .body
      return .part(.metadata(metadata), startReceive: false)
    }
    guard let (status, trailing) = status, !inbox.isReceiving else { return .wait }
    if status.code == .ok {
      position = .body
      return .part(.metadata(metadata ?? [:]), startReceive: false)
    }
    position = .end
    return .part(.status(status, trailing), startReceive: false)
  }

  private mutating func nextInBody() -> Next {
    switch inbox.next() {
    case .message(let message):
      return .part(.message(message), startReceive: startReceiveIfHungry())
    case .failure(let error):
      position = .end
      return .failure(error)
    case .end, .wait:
      guard let (status, trailing) = status, !inbox.isReceiving else { return .wait }
      position = .end
      return .part(.status(status, trailing), startReceive: false)
    }
  }

  /// Keeps the reader until there is something for it; a delivery comes back when there is already.
  mutating func park(_ waiter: Waiter) -> Delivery {
    self.waiter = waiter
    return deliver()
  }

  mutating func received(metadata: Metadata, beginning: illmrec_response) -> Delivery {
    self.metadata = metadata
    self.beginning = beginning
    return deliver()
  }

  mutating func received(message: MessageBytes?) -> Delivery {
    inbox.received(message, ending: .ended)
    var delivery = deliver()
    if startReceiveIfHungry() { delivery.startReceive = true }
    return delivery
  }

  mutating func ended(_ status: Status, _ trailing: Metadata) -> Delivery {
    if self.status == nil { self.status = (status, trailing) }
    return deliver()
  }

  /// All of a unary call's response at once.
  mutating func completed(
    metadata: Metadata, beginning: illmrec_response, message: MessageBytes?, status: Status, trailing: Metadata
  ) -> Delivery {
    self.metadata = metadata
    self.beginning = beginning
    if let message { inbox.received(message, ending: .ended) }
    inbox.received(nil, ending: .ended)
    return ended(status, trailing)
  }

  private mutating func deliver() -> Delivery {
    guard let waiter else { return Delivery() }
    switch next() {
    case .wait: return Delivery()
    case .part(let part, let startReceive):
      self.waiter = nil
      return Delivery(waiter: waiter, result: .success(part), startReceive: startReceive)
    case .end:
      self.waiter = nil
      return Delivery(waiter: waiter, result: .success(nil))
    case .failure(let error):
      self.waiter = nil
      return Delivery(waiter: waiter, result: .failure(error))
    }
  }
}
