// SPDX-License-Identifier: Apache-2.0

/// What a service bears from those who can reach its port. docs/security.md has what each setting is there for.
package struct NetworkSettings: SettingGroup {
  @Setting(
    "max-connections",
    "Most connections at a time, further ones are closed at once; fewer where the limit on open files is near; 0 for no limit",
    unit: "connections", allowed: .range(0...1_000_000))
  package var maxConnections = 4096
  @Setting(
    "max-connections-per-address",
    "Most of them from one IPv4 address or IPv6 network of 64 bits; 0 for no limit, as behind a proxy",
    unit: "connections", allowed: .range(0...1_000_000))
  package var maxConnectionsPerAddress = 1024
  @Setting(
    "max-concurrent-streams", "Most calls that one connection may have open; further ones wait at the client",
    unit: "calls", allowed: .range(1...1_000_000))
  package var maxConcurrentStreams = 1024
  @Setting(
    "max-concurrent-calls", "Most calls in progress over all connections; further ones get RESOURCE_EXHAUSTED",
    unit: "calls", allowed: .range(1...1_000_000))
  package var maxConcurrentCalls = 10_000
  @Setting(
    "max-idle-frames",
    "Frames a second on one connection that make work and carry nothing: streams reset within 20 ms, pings, settings, "
      + "priorities, empty data; five seconds' worth may come at once, then the connection is closed; 0 for no limit",
    unit: "frames", allowed: .range(0...1_000_000))
  package var maxIdleFrames = 200
  @Setting(
    "max-request-metadata-bytes",
    "Most metadata of one call, 32 bytes more counted for each pair; a connection is closed for four times as much",
    unit: "bytes", allowed: .range(1024...1 << 20))
  package var maxRequestMetadataBytes = 16 << 10
  @Setting(
    "max-transport-bytes",
    "Most memory of connections and of messages under way in gRPC core, by default six times --max-message-bytes; near it new "
      + "connections are refused, beyond it calls",
    unit: "bytes", allowed: .range(1 << 20...1 << 40))
  package var maxTransportBytes: Int?
  @Setting(
    "compression",
    "Whether messages compressed by gzip or deflate are taken; they are inflated up to --max-message-bytes",
    placeholder: "on|off", allowed: .oneOf(["off", "on"]))
  private var compression = "off"
  @Setting(
    "handshake-timeout", "Longest that a new connection may take to speak TLS and HTTP/2", unit: "seconds",
    allowed: .range(1...600))
  private var handshakeTimeoutSeconds = 10.0
  @Setting(
    "keepalive-interval", "A connection that was quiet for this long is pinged", unit: "seconds",
    allowed: .range(1...86_400))
  private var keepaliveIntervalSeconds = 120.0
  @Setting(
    "keepalive-timeout", "A pinged connection that does not answer within this time is closed", unit: "seconds",
    allowed: .range(1...3600))
  private var keepaliveTimeoutSeconds = 20.0
  @Setting(
    "min-client-ping-interval", "Shortest time between a client's own pings; one that pings more often is disconnected",
    unit: "seconds", allowed: .range(0.1...86_400))
  private var minClientPingIntervalSeconds = 10.0
  @Setting(
    "max-connection-idle", "A connection without calls is closed after this long; 0 for never", unit: "seconds",
    allowed: .range(0...86_400))
  private var maxConnectionIdleSeconds = 600.0
  @Setting(
    "max-connection-age",
    "A connection is asked to make place for a new one after this long, so that clients find new replicas; 0 for never",
    unit: "seconds", allowed: .range(0...86_400))
  private var maxConnectionAgeSeconds = 0.0
  @Setting(
    "max-connection-age-grace", "How long calls on such a connection may go on; 0 for as long as they take",
    unit: "seconds", allowed: .range(0...86_400))
  private var maxConnectionAgeGraceSeconds = 0.0

  package init() {}

  var acceptsCompression: Bool { compression == "on" }
  var handshakeTimeout: Duration { .seconds(handshakeTimeoutSeconds) }
  var keepaliveInterval: Duration { .seconds(keepaliveIntervalSeconds) }
  var keepaliveTimeout: Duration { .seconds(keepaliveTimeoutSeconds) }
  var minClientPingInterval: Duration { .seconds(minClientPingIntervalSeconds) }
  var maxConnectionIdle: Duration? { Self.unlessZero(maxConnectionIdleSeconds) }
  var maxConnectionAge: Duration? { Self.unlessZero(maxConnectionAgeSeconds) }
  var maxConnectionAgeGrace: Duration? { Self.unlessZero(maxConnectionAgeGraceSeconds) }

  private static func unlessZero(_ seconds: Double) -> Duration? { seconds == 0 ? nil : .seconds(seconds) }
}
