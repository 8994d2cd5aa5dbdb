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
    var isClosed = false
    var turn = SendTurn()
    /// Of a unary call, kept until the request is complete and goes out in one batch.
    var heldMetadata: Metadata?
    var heldMessage: MessageBytes?
    var isHalfClosed = false
    var response = ClientResponseState()
  }

  let channel: ChannelHandle
  let method: MethodDescriptor
  let options: CallOptions
  let state = Mutex(State())

  /// Whether request and response each are one message, so that one batch carries the whole call.
  var isUnary: Bool { method.type == .unary }

  init(channel: ChannelHandle, method: MethodDescriptor, options: CallOptions) {
    self.channel = channel
    self.method = method
    self.options = options
  }

  /// Makes core's call, whose deadline is in the metadata.
  func open(_ metadata: Metadata) throws(RPCError) -> SharedCall {
    let path = "/\(method.fullyQualifiedMethod)"
    let call = SharedCall(channel.makeCall(path: path, timeoutNanoseconds: metadata.timeoutNanoseconds ?? .max))
    let isClosed = state.withLock { state in
      state.call = call
      return state.isClosed
    }
    guard !isClosed else { throw Self.cancelled }
    return call
  }

  /// Ends the call unless it is over. Idempotent.
  func close(_ status: Status = ClientCall.cancelledStatus) {
    let (call, delivery) = state.withLock { state in
      state.isClosed = true
      // Without a call in core nobody else will report the end.
      let hasBegun = state.call != nil && state.response.hasBegun
      return (state.call, hasBegun ? nil : state.response.ended(status, [:]))
    }
    call?.handle.cancel(status)
    delivery?.resume()
  }

  /// The reference that a batch held.
  static func takeBack(_ context: UnsafeMutableRawPointer?) -> ClientCall {
    guard let context else { preconditionFailure("a completion without its call") }
    return Unmanaged<ClientCall>.fromOpaque(context).takeRetainedValue()
  }

  static let cancelledStatus = Status(code: .cancelled, message: "The call was cancelled by its caller.")
  static let cancelled = RPCError(code: .cancelled, message: cancelledStatus.message)
}
