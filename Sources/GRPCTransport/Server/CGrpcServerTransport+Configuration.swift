// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
public import GRPCCore
import Glibc

extension CGrpcServerTransport {
  /// How a server transport behaves. Every limit has a default.
  public struct Configuration: Sendable {
    /// The largest request message accepted, in bytes. Larger ones end their call with RESOURCE_EXHAUSTED. Default 4 MiB.
    public var maxReceiveMessageBytes = 4 * 1024 * 1024
    /// The largest response message sent, in bytes. Default: 2 GiB - 1, the most that gRPC can carry.
    public var maxSendMessageBytes = Int(Int32.max)
    /// The most metadata accepted with one request, in bytes, each pair counted with 32 bytes more as HTTP/2 does. A call with more ends
    /// with RESOURCE_EXHAUSTED; with four times as much, and at least 64 KiB, so does its connection. Default 16 KiB.
    public var maxMetadataBytes = 16 * 1024
    /// Whether messages compressed by gzip or deflate are taken. They are inflated where the handler reads them, up to
    /// `maxReceiveMessageBytes`. By default they are refused with UNIMPLEMENTED, unread.
    public var acceptsCompression = false
    /// Whether responses are compressed where the client takes such, but for messages that say otherwise
    /// (`MessageBytes.mayBeCompressed`). Needs `acceptsCompression`. Default: no.
    public var compressesResponses = false
    /// The most calls that one connection may have open at a time; further ones wait at the client. Default: no limit.
    public var maxConcurrentStreams: Int?
    /// The deadline, from a call's arrival, that handlers of methods with one request see where the client has set none. The call is
    /// not cancelled at it by the transport. Default: none.
    public var defaultDeadline: Duration?
    /// Judges each request message before it is decoded. Default: every message is taken.
    public var requestGuard: (any RequestGuard)?
    /// The most calls in progress at a time, over all connections; further ones end with RESOURCE_EXHAUSTED. Default: no limit.
    public var maxConcurrentCalls: Int?
    /// The most memory that gRPC core takes for connections, calls and messages under way, in bytes: near it new connections are refused,
    /// beyond it calls are. Default: no limit.
    public var maxMemoryBytes: Int?
    /// Threads that serve connections, 1 to 64. One serves small calls at the least cost; with more, calls go on while a handler
    /// holds one of them. Default: half the processors, at least 1 and at most 16.
    public var queueThreads = min(max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) / 2), 16)
    /// Pings that find dead connections.
    public var keepalive = Keepalive()
    /// When to part from a connection.
    public var connection = Connection()
    /// What clients may do before gRPC core sees it.
    public var connectionLimits = ConnectionLimits()
    /// How to prove who the server is, and whether clients have to. Default: connections are not encrypted.
    public var tls: TLS?
    /// Where handlers begin.
    public var handlerStart = HandlerStart.onQueueThread(upTo: 64 * 1024)
    /// Told of each call that no handler of a service sees: its method, nil for one that is not served, and how it ends. On a thread that
    /// must not wait. What core refuses by itself, such as a message over `maxReceiveMessageBytes`, is not among them. Default: nobody is.
    public var onRefusal: (@Sendable (MethodDescriptor?, RPCError.Code) -> Void)?
    /// Whether a graceful shutdown marks the calls that run as cancelled, so that endless ones can end. By default it does not: they
    /// are given the time to finish, and what is still running when the shutdown is forced is cancelled then.
    public var gracefulShutdownCancelsCalls = false

    public static var defaults: Self { Self() }

    public init() {}

    /// Where the handler of a unary method begins to run.
    public enum HandlerStart: Sendable, Hashable {
      /// On the thread that received the request, up to the handler's first suspension, when the request has at most this many
      /// bytes; it spares small calls the switch to another thread. Until it suspends, a handler keeps one of `queueThreads` from
      /// serving others, so it must neither block nor compute for long: work of that kind belongs on a thread of its own, which the
      /// handler awaits. What follows a suspension runs on Swift's pool. Streaming methods always do.
      case onQueueThread(upTo: Int)
      /// On Swift's pool.
      case onConcurrentPool
    }

    public struct Keepalive: Sendable, Hashable {
      /// Ping a connection after it was quiet for this long. Default 2 hours.
      public var interval = Duration.seconds(2 * 60 * 60)
      /// Give the connection up when no answer comes within. Default 20 seconds.
      public var timeout = Duration.seconds(20)
      /// The shortest time between a client's pings while it has no call; a client that pings more often is disconnected. Default 5
      /// minutes.
      public var minClientInterval = Duration.seconds(5 * 60)

      public init() {}
    }

    public struct Connection: Sendable, Hashable {
      /// Close a connection that had no call for this long. Default: never.
      public var maxIdle: Duration?
      /// Ask clients to connect anew after this long, so that they spread over new replicas. Default: never.
      public var maxAge: Duration?
      /// How long calls on an aged connection may go on. Default: without end.
      public var maxAgeGrace: Duration?
      /// How long a new connection may take to speak TLS and HTTP/2. Default 10 seconds.
      public var handshakeTimeout = Duration.seconds(10)

      public init() {}
    }

    /// Checked before gRPC core sees a connection or what comes on it, where `CGrpcServerTransport.canLimitConnections`.
    public struct ConnectionLimits: Sendable, Hashable {
      /// Connections at a time; further ones are closed at once. Default: no limit.
      public var total: Int?
      /// Of one IPv4 address, IPv6 network of 64 bits, or all Unix sockets together. Default: no limit.
      public var perAddress: Int?
      /// Frames on one connection that make work and carry nothing: streams that are reset within 20 ms of their beginning, pings,
      /// settings, priorities, empty data. Five seconds' worth may come at once; a connection with more is closed. Default 1,000.
      public var idleFramesPerSecond: Int? = 1000

      public init() {}
    }

    /// PEM files for TLS 1.2 and 1.3. They are looked at as connections arrive: when they have changed and fit each other, later
    /// connections use what they hold now, and those that are open go on.
    public struct TLS: Sendable {
      /// The server's certificate and those between it and its authority.
      public var certificate: String
      public var key: String
      /// Authorities of clients. With them every client must show a certificate that one of them signed; see
      /// `ServerContext.peerCertificate`. Without them clients are not asked.
      public var clientAuthorities: String?
      /// Called when changed files are in use from now on (nil), or are not because of what the text says. Must not block.
      public var onChange: @Sendable (_ problem: String?) -> Void = { _ in }

      public init(certificate: String, key: String, clientAuthorities: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
      }

      var files: TLSFiles { TLSFiles(certificate: certificate, key: key, authorities: clientAuthorities) }
    }
  }
}

extension CGrpcServerTransport.Configuration {
  func validate() throws(TransportError) {
    func require(_ holds: Bool, _ message: String) throws(TransportError) {
      if !holds { throw TransportError(code: .invalidConfiguration, message: message) }
    }
    try require((1...64).contains(queueThreads), "queueThreads is \(queueThreads); it must be from 1 to 64")
    for (name, value) in [
      ("maxReceiveMessageBytes", maxReceiveMessageBytes), ("maxSendMessageBytes", maxSendMessageBytes),
      ("maxMetadataBytes", maxMetadataBytes), ("maxConcurrentStreams", maxConcurrentStreams ?? 1),
      ("maxConcurrentCalls", maxConcurrentCalls ?? 1), ("connectionLimits.total", connectionLimits.total ?? 1),
      ("connectionLimits.perAddress", connectionLimits.perAddress ?? 1),
      ("connectionLimits.idleFramesPerSecond", connectionLimits.idleFramesPerSecond ?? 1),
    ] {
      try require((1...Int(Int32.max)).contains(value), "\(name) is \(value); it must be from 1 to \(Int32.max)")
    }
    try require(
      maxMemoryBytes ?? 1 << 20 >= 1 << 20,
      "maxMemoryBytes is \(maxMemoryBytes ?? 0); less than 1 MiB lets nothing through")
    try require(
      acceptsCompression || !compressesResponses,
      "compressesResponses is set without acceptsCompression, which it needs; set both or neither")
    try tls?.files.check()
  }

  var channelArguments: [ChannelArgument] {
    var arguments: [ChannelArgument] = [
      .init("grpc.max_receive_message_length", maxReceiveMessageBytes),
      .init("grpc.max_send_message_length", maxSendMessageBytes),
      // Core would end the connection for what ends a call here.
      .init("grpc.max_metadata_size", maxConnectionMetadataBytes),
      .init("grpc.keepalive_time_ms", keepalive.interval),
      .init("grpc.keepalive_timeout_ms", keepalive.timeout),
      .init("grpc.keepalive_permit_without_calls", true),
      .init("grpc.http2.min_ping_interval_without_data_ms", keepalive.minClientInterval),
      .init("grpc.server_handshake_timeout_ms", connection.handshakeTimeout),
      // A second server on the same port is an error to report, not a peer to share with.
      .init("grpc.so_reuseport", false),
    ]
    arguments.append(.withoutInflation)
    if !acceptsCompression { arguments.append(.withoutCompression) }
    if let maxConcurrentStreams { arguments.append(.init("grpc.max_concurrent_streams", maxConcurrentStreams)) }
    if let maxIdle = connection.maxIdle { arguments.append(.init("grpc.max_connection_idle_ms", maxIdle)) }
    if let maxAge = connection.maxAge { arguments.append(.init("grpc.max_connection_age_ms", maxAge)) }
    if let grace = connection.maxAgeGrace { arguments.append(.init("grpc.max_connection_age_grace_ms", grace)) }
    return arguments
  }

  /// More than this in one header block costs its connection.
  private var maxConnectionMetadataBytes: Int { max(64 * 1024, min(maxMetadataBytes, Int(Int32.max) / 4) * 4) }

  var coreConnectionLimits: illmrec_connection_limits {
    illmrec_connection_limits(
      connections: UInt32(connectionLimits.total ?? 0),
      connections_per_address: UInt32(connectionLimits.perAddress ?? 0),
      header_block_bytes: UInt32(maxConnectionMetadataBytes),
      idle_frames_per_second: UInt32(connectionLimits.idleFramesPerSecond ?? 0))
  }
}
