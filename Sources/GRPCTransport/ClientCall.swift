import CGrpcShim
import GRPCCore
import Synchronization

/// One RPC on the client, between the tasks that write and read it and core.
///
/// Core's callbacks run on the queue's thread. A started batch holds the call until its completion has run.
final class ClientCall: Sendable {
  struct State {
    /// Core's call; there is none before the metadata is written, which says how much time it has.
    var call: SharedCall?
    /// Until the call is closed.
    var channel: ChannelHandle?
    var isClosed = false
    var turn = SendTurn()
    /// Of a unary call, kept until the request is complete and goes out in one batch.
    var heldMetadata: Metadata?
    var heldMessage: MessageBytes?
    var isHalfClosed = false
    var response: ClientResponseState
    var reader: Wakeups.Reader?

    /// In the callback that received the metadata only.
    var beginning: illmrec_response { call?.handle.response ?? ILLMREC_RESPONSE_UNKNOWN }

    /// Whether no batch will be started any more.
    var isOver: Bool { isClosed && response.hasEnded && !turn.isTaken && !response.isReceiving }
  }

  let method: MethodDescriptor
  let options: CallOptions
  let state: Mutex<State>

  /// Whether request and response each are one message, so that one batch carries the whole call.
  var isUnary: Bool { method.type == .unary }

  init(channel: ChannelHandle, method: MethodDescriptor, options: CallOptions) {
    let response = ClientResponseState(receivesMessages: method.type != .unary)
    self.state = Mutex(State(channel: channel, response: response))
    self.method = method
    self.options = options
  }

  /// Makes core's call, whose deadline is in the metadata.
  func open(_ metadata: Metadata) throws(RPCError) -> SharedCall {
    let path = "/\(method.fullyQualifiedMethod)"
    return try state.withLock { state throws(RPCError) in
      guard !state.isClosed, let channel = state.channel else { throw Self.cancelled }
      let call = SharedCall(channel.makeCall(path: path, timeoutNanoseconds: metadata.timeoutNanoseconds ?? .max))
      state.call = call
      // Its batches follow at once, and their completion reports the end.
      state.response.hasBegun = true
      return call
    }
  }

  /// Nothing was started on the call after all.
  func abandon() {
    update { state, _ in state.response.hasBegun = false }
  }

  /// Ends the call unless it is over. Idempotent.
  func close(_ status: Status = ClientCall.cancelledStatus) {
    update { state, _ in
      state.isClosed = true
      state.channel = nil
      // Without a batch in core nobody else will report the end.
      if !state.response.hasBegun { state.response.ended(status, [:]) }
    }
    state.withLock { $0.call }?.handle.cancel(status)
  }

  /// Changes the state and does what follows from it: receive, resume, and let go of the queue after the last batch.
  func update(_ change: (inout State, inout Wakeups) -> Void) {
    var wakeups = Wakeups()
    let (startReceive, overCall) = state.withLock { state in
      change(&state, &wakeups)
      if state.response.isReady { wakeups.reader = state.reader.take() }
      let startReceive = state.response.startReceiveIfHungry()
      return (startReceive, state.isOver ? state.call : nil)
    }
    if startReceive { receive() }
    overCall?.handle.finish()
    wakeups.resume()
  }

  /// The reference that a batch held.
  static func takeBack(_ context: UnsafeMutableRawPointer?) -> ClientCall {
    guard let context else { preconditionFailure("a completion without its call") }
    return Unmanaged<ClientCall>.fromOpaque(context).takeRetainedValue()
  }

  static let cancelledStatus = Status(code: .cancelled, message: "The call was cancelled by its caller.")
  static let cancelled = RPCError(code: .cancelled, message: cancelledStatus.message)
}
