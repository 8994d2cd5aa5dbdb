// SPDX-License-Identifier: Apache-2.0

public import GRPCCore
import Synchronization

/// A server transport of grpc-swift-2 over gRPC core.
///
/// The address is bound when the transport is made; calls are accepted while `listen` runs. `beginGracefulShutdown` closes the
/// port and lets the calls that run finish; cancelling the task of `listen` cancels them, and their handlers' tasks too. A call that
/// comes while the server shuts down is taken by nobody, and its client told so: gRPC's clients then send it to another server.
public final class CGrpcServerTransport: ServerTransport {
  public typealias Bytes = MessageBytes

  /// The port the server listens on, which the system chose if the address asked for port 0; nil for a Unix socket.
  public let boundPort: Int?

  private let address: String
  private let configuration: Configuration
  private let threads = QueueThreads()
  private let lifecycle: Mutex<Lifecycle>

  /// The server exists until it has stopped, and listens at most once.
  fileprivate struct Lifecycle: ~Copyable {
    var server: ServerHandle?
    var methods: [MethodDescriptor] = []
    /// While it listens; the handler it holds may in turn hold this transport.
    var listener: ServerListener?
    var hasListened = false
  }

  /// Binds `address`.
  ///
  /// - Parameter address: "host:port", "[ipv6]:port" or "unix:/path"; port 0 is any free port.
  /// - Throws: `TransportError` when the address is malformed or taken, `configuration` is out of range, or a file of its TLS cannot be
  ///   used.
  public init(address: String, configuration: Configuration = .defaults) throws {
    try configuration.validate()
    let listenAddress = try ListenAddress(parsing: address)
    try listenAddress.checkAvailability()
    let server = try ServerHandle(threads: threads, configuration: configuration)
    let port = try server.listen(address, tls: configuration.tls)
    self.boundPort = listenAddress.isUnix ? nil : port
    self.address = address
    self.configuration = configuration
    self.lifecycle = Mutex(Lifecycle(server: server))
  }

  public func configure(context: GRPCServerContext) {
    lifecycle.withLock { $0.methods = context.methods }
  }

  public func listen(
    streamHandler: @escaping @Sendable (RPCStream<Inbound, Outbound>, ServerContext) async -> Void
  ) async throws {
    guard let listener = try start(streamHandler) else { return }
    await withTaskCancellationHandler {
      await listener.waitUntilOver()
    } onCancel: {
      lifecycle.withLock { lifecycle in
        lifecycle.server?.shutdown()
        lifecycle.server?.cancelCalls()
      }
      listener.abandonCalls()
    }
    lifecycle.withLock { lifecycle in
      lifecycle.server = nil
      lifecycle.listener = nil
    }
    await threads.waitUntilEnded()
  }

  public func beginGracefulShutdown() {
    let (listener, hidesCalls) = lifecycle.withLock { lifecycle in
      let hidesCalls = lifecycle.hasListened && lifecycle.server?.hideNewCalls() == true
      if !hidesCalls { lifecycle.server?.shutdown() }
      // Nobody waits for a server that never listened.
      if !lifecycle.hasListened { lifecycle.server = nil }
      return (lifecycle.listener, hidesCalls)
    }
    if hidesCalls {
      // Core drops what it receives after the shutdown, and its client cannot know whether anybody had begun with it.
      Task {
        try await Task.sleep(for: Self.timeToBecomeCalls)
        lifecycle.withLock { $0.server?.shutdown() }
      }
    }
    if configuration.gracefulShutdownCancelsCalls { listener?.signalCancellation() }
  }

  /// From the arrival of a stream's first bytes until core has made a call of it.
  private static let timeToBecomeCalls = Duration.milliseconds(50)

  /// The listening address in the form of core's peer names.
  private var localPeer: String {
    guard let boundPort, let colon = address.lastIndex(of: ":") else { return address }
    let host = address[..<colon]
    let family = host.hasPrefix("[") ? "ipv6:" : host.allSatisfy { $0 == "." || $0.isNumber } ? "ipv4:" : ""
    return "\(family)\(host):\(boundPort)"
  }

  /// Nil when the transport was shut down before it listened.
  private func start(_ handler: @escaping ServerListener.Handler) throws(TransportError) -> ServerListener? {
    try lifecycle.withLock { lifecycle throws(TransportError) in
      guard !lifecycle.hasListened else {
        throw TransportError(
          code: .invalidState, message: "this transport has listened before; make a new one to serve again")
      }
      guard let methods = lifecycle.registerMethods() else { return nil }
      let listener = ServerListener(
        methods: methods, configuration: configuration, localPeer: localPeer, handler: handler)
      lifecycle.listener = listener
      lifecycle.hasListened = true
      lifecycle.server?.start(reportingTo: listener)
      return listener
    }
  }
}

extension CGrpcServerTransport.Lifecycle {
  /// Announces the methods to core, which numbers them from 0; nil when there is no server.
  fileprivate mutating func registerMethods() -> [MethodDescriptor]? {
    guard server != nil else { return nil }
    var registered: [MethodDescriptor] = []
    for method in methods {
      let path = "/\(method.fullyQualifiedMethod)"
      if server?.register(path: path, withMessage: method.hasOneRequest) != nil { registered.append(method) }
    }
    return registered
  }
}
