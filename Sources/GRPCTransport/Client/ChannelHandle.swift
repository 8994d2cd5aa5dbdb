// SPDX-License-Identifier: Apache-2.0

import CGrpcShim

/// Owns a channel of gRPC core and shares in its queue.
///
/// Sendable: core takes all of these operations from any thread.
final class ChannelHandle: @unchecked Sendable {
  private let channel: OpaquePointer

  init(
    threads: QueueThreads, target: String, configuration: CGrpcClientTransport.Configuration
  ) throws(TransportError) {
    let queue = try threads.startQueue(name: "grpc-client", threads: 1)
    // The channel holds the queue from here on.
    defer { illmrec_queue_release(queue) }
    let channel = configuration.channelArguments.withCoreArguments { arguments in
      (configuration.tls?.files).withCoreFiles { files in
        illmrec_channel_create(queue, target, files, arguments.baseAddress, arguments.count)
      }
    }
    guard let channel else {
      throw TransportError(
        code: .invalidAddress,
        message: """
          the target \(String(reflecting: target)) is malformed; write "host:port", "dns:///host:port", "ipv4:address:port,…", \
          "ipv6:[address]:port,…" or "unix:/path"
          """)
    }
    self.channel = channel
  }

  deinit {
    illmrec_channel_release(channel)
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
}
