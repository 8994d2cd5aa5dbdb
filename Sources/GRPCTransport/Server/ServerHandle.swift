// SPDX-License-Identifier: Apache-2.0

import CGrpcShim

/// Owns a server of gRPC core and shares in its queue.
///
/// Sendable: core takes all of these operations from any thread.
struct ServerHandle: ~Copyable, @unchecked Sendable {
  private let server: OpaquePointer

  init(threads: QueueThreads, configuration: CGrpcServerTransport.Configuration) throws(TransportError) {
    let queue = try threads.startQueue(name: "grpc-server", threads: configuration.queueThreads)
    // The server holds the queue from here on.
    defer { illmrec_queue_release(queue) }
    var limits = configuration.coreConnectionLimits
    self.server = configuration.channelArguments.withCoreArguments { arguments in
      illmrec_server_create(queue, arguments.baseAddress, arguments.count, configuration.maxMemoryBytes ?? 0, &limits)
    }
  }

  deinit {
    illmrec_server_release(server)
  }

  /// Binds `address` and returns its port. Before start.
  func listen(_ address: String, tls: CGrpcServerTransport.Configuration.TLS?) throws(TransportError) -> Int {
    let observer = tls.map { Unmanaged.passRetained(TLSObserver($0.onChange)).toOpaque() }
    let port = (tls?.files).withCoreFiles { files in
      illmrec_server_listen(
        server, address, files,
        { context, problem in
          guard let context else { return }
          Unmanaged<TLSObserver>.fromOpaque(context).takeUnretainedValue().onChange(problem.map { String(cString: $0) })
        },
        { context in
          guard let context else { return }
          Unmanaged<TLSObserver>.fromOpaque(context).release()
        }, observer)
    }
    guard port > 0 else {
      throw TransportError(
        code: .addressUnavailable,
        message: "cannot listen on \(String(reflecting: address)); free it or choose another address")
    }
    return Int(port)
  }

  /// Announces a method; its calls carry the number returned. Before start.
  func register(path: String, withMessage: Bool) -> Int? {
    let method = illmrec_server_register_method(server, path, withMessage)
    return method < 0 ? nil : Int(method)
  }

  /// Reports calls to `listener` from now on; core holds it until the server is gone. Once.
  func start(reportingTo listener: ServerListener) {
    let callbacks = illmrec_server_callbacks(
      called: { context, incoming in
        guard let context, let incoming else { return }
        Unmanaged<ServerListener>.fromOpaque(context).takeUnretainedValue().accept(incoming)
      },
      drained: { context in
        guard let context else { return }
        Unmanaged<ServerListener>.fromOpaque(context).takeUnretainedValue().drained()
      },
      stopped: { context in
        guard let context else { return }
        Unmanaged<ServerListener>.fromOpaque(context).release()
      })
    illmrec_server_start(server, Self.slots, callbacks, Unmanaged.passRetained(listener).toOpaque())
  }

  /// Leaves calls that arrive from now on to other servers; `shutdown` tells their clients. May be repeated.
  ///
  /// - Returns: whether this can be done in this process. What arrived before needs some time to become calls.
  func hideNewCalls() -> Bool { illmrec_server_hide_new_streams(server) }

  /// Stops listening and lets the calls that run finish. May be repeated.
  func shutdown() { illmrec_server_shutdown(server) }

  /// Cancels the calls that run. After shutdown.
  func cancelCalls() { illmrec_server_cancel_calls(server) }

  /// What the shim holds to report changed files to.
  private final class TLSObserver: Sendable {
    let onChange: @Sendable (String?) -> Void

    init(_ onChange: @escaping @Sendable (String?) -> Void) {
      self.onChange = onChange
    }
  }

  /// Requests outstanding per method, enough that a burst finds one.
  private static let slots = 16
}
