// SPDX-License-Identifier: Apache-2.0

public import GRPCCore

extension CGrpcClientTransport {
  /// How a client transport behaves. Every limit has a default.
  public struct Configuration: Sendable {
    /// The largest response message accepted, in bytes. A larger one ends its call with RESOURCE_EXHAUSTED. Default 4 MiB.
    public var maxReceiveMessageBytes = 4 * 1024 * 1024
    /// The largest request message sent, in bytes. Default: 2 GiB - 1, the most that gRPC can carry.
    public var maxSendMessageBytes = Int(Int32.max)
    /// The most metadata accepted with one response, in bytes. Default 16 KiB.
    public var maxMetadataBytes = 16 * 1024
    /// Timeouts, retries and limits by method, retry throttling, and the load balancing policy: the first that is known of
    /// `loadBalancingConfig`, by default pick_first. Calls whose request is a stream are neither retried nor hedged, whatever it says.
    public var serviceConfig = ServiceConfig()
    /// Leave out servers whose `grpc.health.v1.Health` says that this service is not serving; "" is the server as a whole. Works with
    /// round_robin. Default: do not ask.
    public var healthCheckedService: String?
    /// The name sent as ":authority". Default: taken from the target.
    public var authority: String?
    /// Whether compressed messages are taken; see the server's configuration. By default their calls end with an error.
    public var acceptsCompression = false
    /// Who the server has to prove to be. Default: connections are not encrypted.
    public var tls: TLS?
    /// Pings that find dead connections.
    public var keepalive = Keepalive()
    /// How to try again after a failed connection.
    public var backoff = Backoff()

    public static var defaults: Self { Self() }

    public init() {}

    /// PEM files for TLS 1.2 and 1.3, read again every second: connections that are made later use what they hold then.
    public struct TLS: Sendable, Hashable {
      /// Authorities one of which must have signed the server's certificate.
      public var authorities: String
      /// What the client shows to a server that asks for a certificate, and its key; both or neither.
      public var certificate: String?
      public var key: String?
      /// The name that the server's certificate must be for. Default: the target's.
      public var serverName: String?

      public init(
        authorities: String, certificate: String? = nil, key: String? = nil, serverName: String? = nil
      ) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
        self.serverName = serverName
      }

      var files: TLSFiles { TLSFiles(certificate: certificate, key: key, authorities: authorities) }
    }

    public struct Keepalive: Sendable, Hashable {
      /// Ping a connection after it was quiet for this long; servers disconnect clients that ping too often. Default: never.
      public var interval: Duration?
      /// Give the connection up when no answer comes within. Default 20 seconds.
      public var timeout = Duration.seconds(20)
      /// Whether to ping while no call is open. Default: no.
      public var withoutCalls = false

      public init() {}
    }

    public struct Backoff: Sendable, Hashable {
      /// Between the first and the second attempt; doubles, with some jitter, until `max`. Default 1 second.
      public var initial = Duration.seconds(1)
      /// The longest pause. Default 120 seconds.
      public var max = Duration.seconds(120)
      /// How long to give an attempt at least. Default 20 seconds.
      public var minConnectTimeout = Duration.seconds(20)

      public init() {}
    }
  }
}

extension CGrpcClientTransport.Configuration {
  func validate() throws(TransportError) {
    for (name, value) in [
      ("maxReceiveMessageBytes", maxReceiveMessageBytes), ("maxSendMessageBytes", maxSendMessageBytes),
      ("maxMetadataBytes", maxMetadataBytes),
    ] where !(1...Int(Int32.max)).contains(value) {
      throw TransportError(
        code: .invalidConfiguration, message: "\(name) is \(value); it must be from 1 to \(Int32.max)")
    }
    try tls?.files.check()
  }

  var channelArguments: [ChannelArgument] {
    var arguments: [ChannelArgument] = [
      .init("grpc.max_receive_message_length", maxReceiveMessageBytes),
      .init("grpc.max_send_message_length", maxSendMessageBytes),
      .init("grpc.max_metadata_size", maxMetadataBytes),
      .init("grpc.initial_reconnect_backoff_ms", backoff.initial),
      .init("grpc.max_reconnect_backoff_ms", backoff.max),
      .init("grpc.min_reconnect_backoff_ms", backoff.minConnectTimeout),
      // grpc-swift-2 retries by itself.
      .init("grpc.enable_retries", false),
      .init("grpc.service_config", coreServiceConfig),
      .init("grpc.service_config_disable_resolution", true),
    ]
    if let interval = keepalive.interval {
      arguments.append(.init("grpc.keepalive_time_ms", interval))
      arguments.append(.init("grpc.keepalive_timeout_ms", keepalive.timeout))
      arguments.append(.init("grpc.keepalive_permit_without_calls", keepalive.withoutCalls))
      arguments.append(.init("grpc.http2.max_pings_without_data", 0))
    }
    arguments.append(.withoutInflation)
    if !acceptsCompression { arguments.append(.withoutCompression) }
    if let name = tls?.serverName { arguments.append(.init("grpc.ssl_target_name_override", name)) }
    if let authority { arguments.append(.init("grpc.default_authority", authority)) }
    return arguments
  }

  /// The part of the service config that core performs, as JSON.
  private var coreServiceConfig: String {
    let policies = serviceConfig.loadBalancingConfig.compactMap { policy in
      if policy.roundRobin != nil { return "{\"round_robin\":{}}" }
      return policy.pickFirst.map { "{\"pick_first\":{\"shuffleAddressList\":\($0.shuffleAddressList)}}" }
    }
    var members = policies.isEmpty ? [] : ["\"loadBalancingConfig\":[\(policies.joined(separator: ","))]"]
    if let healthCheckedService {
      members.append("\"healthCheckConfig\":{\"serviceName\":\(healthCheckedService.quotedForJSON)}")
    }
    return "{\(members.joined(separator: ","))}"
  }
}

extension String {
  fileprivate var quotedForJSON: String {
    let escaped = unicodeScalars.map { scalar in
      switch scalar {
      case "\"", "\\": "\\\(scalar)"
      case "\u{0}"..<"\u{20}": "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: String(scalar)
      }
    }
    return "\"\(escaped.joined())\""
  }
}
