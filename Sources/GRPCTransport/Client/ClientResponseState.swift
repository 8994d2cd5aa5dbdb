// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import GRPCCore

/// What a client received so far, and in which order the reader gets it: metadata, messages, status; or just the status when the
/// server rejected the call.
///
/// A rejection ("trailers-only"), on which grpc-swift-2 may try again, comes from core as empty metadata followed by a status. So
/// metadata is handed out once it is known that it does not belong to a rejection. A pure state machine: the caller locks it.
struct ClientResponseState {
  enum Next {
    case part(RPCResponsePart<MessageBytes>)
    case end
    case wait
  }

  /// How a response begins.
  typealias Beginning = illmrec_response

  private enum Position { case metadata, body, end }

  private var position = Position.metadata
  private var metadata: Metadata?
  private var beginning = ILLMREC_RESPONSE_UNKNOWN
  private var inbox: Inbox
  private var status: (Status, Metadata)?

  /// - Parameter receivesMessages: whether messages are asked for one by one, rather than coming with the status.
  init(receivesMessages: Bool) {
    self.inbox = Inbox(receivesMessages ? .unopened : .ended)
  }

  var hasEnded: Bool { status != nil }
  var isReceiving: Bool { inbox.isReceiving }

  /// Whether to start receiving now; if so, the caller does. Nothing comes after the status.
  mutating func startReceiveIfHungry() -> Bool { status == nil && inbox.startReceiveIfHungry() }

  /// Metadata and status have been asked for, so messages may be.
  mutating func beginReceiving() { inbox.open() }

  /// Whether `next` has an answer other than `wait`.
  var isReady: Bool {
    switch position {
    case .metadata: isMetadataReady || isStatusReady
    case .body: inbox.hasMessages || isStatusReady
    case .end: true
    }
  }

  private var isMetadataReady: Bool {
    guard let metadata else { return false }
    return !metadata.isEmpty || inbox.hasMessages || beginning == ILLMREC_RESPONSE_ACCEPTED
  }

  /// The status is for after the last message.
  private var isStatusReady: Bool { status != nil && !inbox.isReceiving }

  mutating func next() -> Next {
    guard isReady else { return .wait }
    switch position {
    case .metadata:
      if !isMetadataReady, let (status, trailing) = status, status.code != .ok {
        position = .end
        return .part(.status(status, trailing))
      }
      position = .body
      return .part(.metadata(metadata ?? [:]))
    case .body:
      if case .message(let message) = inbox.next() { return .part(.message(message)) }
      position = .end
      return status.map { .part(.status($0.0, $0.1)) } ?? .end
    case .end:
      return .end
    }
  }

  mutating func received(metadata: Metadata, beginning: illmrec_response) {
    self.metadata = metadata
    self.beginning = beginning
  }

  mutating func received(message: MessageBytes?) {
    inbox.received(message, ending: .ended)
  }

  mutating func ended(_ status: Status, _ trailing: Metadata) {
    if self.status == nil { self.status = (status, trailing) }
  }

  /// The one response of a unary call, which comes with its status.
  mutating func received(onlyMessage message: MessageBytes) {
    inbox = Inbox(holding: message)
  }
}
