// SPDX-License-Identifier: Apache-2.0

package import Logging

/// What every service is configured with.
package struct ServiceSettings: SettingGroup {
  @Setting(
    "host",
    "Address to listen on, IPv4, IPv6 or unix:/path; one that other machines can reach needs --tls-certificate, or --insecure",
    placeholder: "address")
  package var host = "127.0.0.1"
  @Setting(
    "port",
    "TCP port to listen on, 0 for any free one; by default gateway 50050, encoder 50051, llm 50052, retrieval 50053",
    placeholder: "port", allowed: .range(0...65535))
  private var chosenPort: Int?
  @Setting("port-file", "File to write the port to once the service takes requests", placeholder: "file")
  package var portFile: String?
  @Setting(
    "policy",
    "Who may call what, JSON: identities by tokens or certificates, with their roles; a changed file counts without a restart. "
      + "Without it whoever can connect may do everything",
    placeholder: "file")
  package var policy: String?
  @Setting(
    "admin-port",
    "TCP port that serves IndexAdminService or TrainingAdminService too, which --port has no more then; 0 for any free one",
    placeholder: "port", allowed: .range(0...65535))
  package var adminPort: Int?
  @Setting(
    "admin-host", "Address of that port, by default that of --host; one that other machines can reach needs the same",
    placeholder: "address")
  private var chosenAdminHost: String?
  @Setting(
    "admin-port-file", "File to write that port to once the service takes requests", placeholder: "file")
  package var adminPortFile: String?
  @Setting(
    "http-port",
    "TCP port for those who watch, over HTTP: /metrics, /healthz, /readyz and a status page; 0 for any free one, none without it",
    placeholder: "port", allowed: .range(0...65535))
  package var httpPort: Int?
  @Setting(
    "http-host", "Address of that port; whoever reaches it sees metrics and settings, which hold no secrets",
    placeholder: "address")
  package var httpHost = "127.0.0.1"
  @Setting(
    "http-port-file", "File to write that port to once it is listened on", placeholder: "file")
  package var httpPortFile: String?
  @Setting(
    "log-level", "Least severe messages to log; debug adds a line per request", placeholder: "level",
    allowed: .oneOf(Logger.Level.allCases.map(\.rawValue)))
  private var logLevelName = "info"
  @Setting(
    "log-format", "How the log is written: text for people, or json, an object a line", placeholder: "format",
    allowed: .oneOf(LogFormat.allCases.map(\.rawValue)))
  private var logFormatName = "text"
  @Setting(
    "reflection", "Whether tools without .proto files, such as grpcurl, are told what is served and how it is called",
    placeholder: "on|off", allowed: .oneOf(["off", "on"]))
  private var reflection = "on"
  @Setting("max-message-bytes", "Largest message taken or sent", unit: "bytes", allowed: .range(64 << 10...1 << 30))
  package var maxMessageBytes = 64 << 20
  @Setting(
    "max-decoded-bytes",
    "Most memory that a message may take once decoded, by a scan before it is decoded; 4 times --max-message-bytes by default",
    unit: "bytes", allowed: .range(1 << 20...1 << 34))
  private var chosenMaxDecodedBytes: Int?
  @Setting(
    "max-bytes-in-progress",
    "Most memory that the decoded messages of all requests in progress may take; 6 times --max-message-bytes by default",
    unit: "bytes", allowed: .range(1 << 20...1 << 36))
  private var chosenMaxBytesInProgress: Int?
  @Setting(
    "default-deadline", "What calls with one request are given where their client sets no deadline", unit: "seconds",
    allowed: .range(1...86_400))
  private var defaultDeadlineSeconds = 600.0
  @Setting(
    "shutdown-grace",
    "How long requests are still taken after SIGTERM or SIGINT while health says NOT_SERVING, for load balancers to notice",
    unit: "seconds", allowed: .range(0...600))
  private var shutdownGraceSeconds = 1.0
  @Setting(
    "drain-timeout", "How long requests in progress may go on after that before they are cancelled", unit: "seconds",
    allowed: .range(0...3600))
  private var drainTimeoutSeconds = 30.0

  /// Whether the process ends once it has said what it would be configured with.
  package internal(set) var isOnlyChecked = false
  package var tls = ServerTLSSettings()
  package var network = NetworkSettings()
  package var tracing = TracingSettings()

  /// Where none is configured.
  private var defaultPort = 0
  /// All of the process's settings, the service's own among them.
  package private(set) var all = Settings()

  package init() {}

  package init(_ settings: Settings, defaultPort: Int) throws(SettingsError) {
    self = try settings.read()
    self.defaultPort = defaultPort
    all = settings
    try tls.check(host: host)
    _ = try tracing.export(of: Product.name)
    if adminPort != nil { try tls.check(host: adminHost, flag: "--admin-host") }
    guard adminPort == nil || !adminHost.hasPrefix("unix:") else {
      throw SettingsError("--admin-port has no place at \(adminHost); give --admin-host an IP address", isUsage: true)
    }
  }

  package var port: Int { chosenPort ?? defaultPort }
  package var adminHost: String { chosenAdminHost ?? host }
  package var maxDecodedBytes: Int { chosenMaxDecodedBytes ?? 4 * maxMessageBytes }
  package var maxBytesInProgress: Int { chosenMaxBytesInProgress ?? max(6 * maxMessageBytes, maxDecodedBytes) }
  package var logLevel: Logger.Level { Logger.Level(rawValue: logLevelName) ?? .info }
  package var defaultDeadline: Duration { .seconds(defaultDeadlineSeconds) }
  package var servesReflection: Bool { reflection == "on" }
  package var logFormat: LogFormat { LogFormat(rawValue: logFormatName) ?? .text }
  package var shutdownGrace: Duration { .seconds(shutdownGraceSeconds) }
  package var drainTimeout: Duration { .seconds(drainTimeoutSeconds) }

  /// As gRPC names it; the brackets are an IPv6 address's.
  package var address: String { Self.address(host, port) }

  /// Nil where administration has no port of its own.
  var adminAddress: String? { adminPort.map { Self.address(adminHost, $0) } }

  private static func address(_ host: String, _ port: Int) -> String {
    if host.hasPrefix("unix:") { return host }
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
