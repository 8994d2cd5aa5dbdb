// SPDX-License-Identifier: Apache-2.0

public import GRPCCore
import Synchronization

/// A client transport of grpc-swift-2 over gRPC core.
///
/// Connections are made when calls need them. `connect` runs as long as the client is in use: it returns after
/// `beginGracefulShutdown` once every call is over, and cancelling its task cancels the calls.
public final class CGrpcClientTransport: ClientTransport {
  public typealias Bytes = MessageBytes

  public let retryThrottle: RetryThrottle?

  private let target: String
  private let configuration: Configuration
  private let methodConfigurations: MethodConfigurations
  private let threads = QueueThreads()
  private let lifecycle: Mutex<ClientLifecycle>

  /// - Parameter target: as gRPC names it: "host:port", "dns:///host:port", "ipv4:127.0.0.1:1,127.0.0.1:2", "ipv6:…", "unix:/path".
  /// - Throws: `TransportError` when the target is malformed, `configuration` is out of range, a file of its TLS cannot be used, or the system refuses a thread. A target that cannot be resolved
  ///   or reached shows as UNAVAILABLE in calls.
  public init(target: String, configuration: Configuration = .defaults) throws {
    try configuration.validate()
    try ClientTarget.check(target)
    self.target = target
    self.configuration = configuration
    self.retryThrottle = configuration.serviceConfig.retryThrottling.map { RetryThrottle(policy: $0) }
    self.methodConfigurations = MethodConfigurations(configuration.serviceConfig)
    let channel = try ChannelHandle(threads: threads, target: target, configuration: configuration)
    self.lifecycle = Mutex(ClientLifecycle(channel: channel))
  }

  public func connect() async throws {
    try lifecycle.withLock { lifecycle throws(TransportError) in try lifecycle.connect() }
    await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in
        lifecycle.withLock { $0.wait(waiter) }?.resume()
      }
    } onCancel: {
      let (calls, waiter) = lifecycle.withLock { $0.stop() }
      for call in calls { call.close(Self.stopped) }
      waiter?.resume()
    }
    lifecycle.withLock { $0.release() }
    await threads.waitUntilEnded()
  }

  public func beginGracefulShutdown() {
    lifecycle.withLock { $0.beginGracefulShutdown() }?.resume()
  }

  public func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure: (RPCStream<Inbound, Outbound>, ClientContext) async throws -> T
  ) async throws -> T {
    let deadline = Self.callDeadline.map {
      CallDeadline(moment: $0, longestPause: config(forMethod: descriptor)?.executionPolicy?.retry?.maxBackoff)
    }
    let call = try lifecycle.withLock { lifecycle throws(RPCError) in
      try lifecycle.add(
        method: descriptor, options: options, maxInflatedBytes: configuration.maxReceiveMessageBytes,
        deadline: deadline)
    }
    defer {
      call.close()
      lifecycle.withLock { $0.remove(call) }?.resume()
    }
    let stream = RPCStream(
      descriptor: descriptor,
      inbound: RPCAsyncSequence(wrapping: ClientCall.Responses(call: call)),
      outbound: RPCWriter.Closable(wrapping: ClientCall.Requests(call: call)))
    // Core picks the connection after the call has begun, so the peer is known by its target.
    let context = ClientContext(descriptor: descriptor, remotePeer: target, localPeer: "")
    return try await closure(stream, context)
  }

  public func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
    methodConfigurations[descriptor]
  }

  private static let stopped = Status(code: .cancelled, message: "The client was stopped while the call was running.")
}
