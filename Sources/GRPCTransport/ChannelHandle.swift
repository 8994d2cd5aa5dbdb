import CGrpcShim

/// Owns a channel of gRPC core and shares in its queue.
///
/// Sendable: core takes all of these operations from any thread.
final class ChannelHandle: @unchecked Sendable {
  private let channel: OpaquePointer
  private let queue: OpaquePointer

  init(target: String, arguments: [ChannelArgument]) throws(TransportError) {
    guard let queue = illmrec_queue_create("grpc-client", 1) else { throw .threadUnavailable }
    self.queue = queue
    self.channel = arguments.withCoreArguments { arguments in
      illmrec_channel_create(queue, target, arguments.baseAddress, arguments.count)
    }
  }

  deinit {
    illmrec_channel_release(channel)
    illmrec_queue_release(queue)
  }

  func makeCall(path: String, timeoutNanoseconds: Int64) -> CallHandle {
    var path = path
    let call: OpaquePointer = path.withUTF8 { path in
      path.withMemoryRebound(to: CChar.self) { path in
        illmrec_channel_create_call(channel, path.baseAddress, path.count, timeoutNanoseconds)
      }
    }
    return CallHandle(takingOwnershipOf: call)
  }

  /// Calls `settle` on `call` when the events that are ready now have been handled. On the queue's thread only.
  func settleAfterReadyEvents(_ call: ClientCall) {
    illmrec_queue_defer(queue, { ClientCall.takeBack($0).settle() }, Unmanaged.passRetained(call).toOpaque())
  }
}
