package import Logging

/// What every service is configured with, resolved and checked.
package struct ServiceSettings: Sendable {
  package let host: String
  package let port: Int
  package let portFile: String?
  package let logLevel: Logger.Level
  package let maxMessageBytes: Int
  package let shutdownGrace: Duration
  package let drainTimeout: Duration
  /// All of the process's settings, the service's own among them.
  package let all: Settings

  package init(_ settings: Settings, defaultPort: Int) throws(SettingsError) {
    host = try settings.value(ServiceOptions.Keys.host)
    port = settings.optional(ServiceOptions.Keys.port) ?? defaultPort
    portFile = settings.optional(ServiceOptions.Keys.portFile)
    logLevel = Logger.Level(rawValue: try settings.value(ServiceOptions.Keys.logLevel)) ?? .info
    maxMessageBytes = try settings.value(ServiceOptions.Keys.maxMessageBytes)
    shutdownGrace = .seconds(try settings.value(ServiceOptions.Keys.shutdownGrace))
    drainTimeout = .seconds(try settings.value(ServiceOptions.Keys.drainTimeout))
    all = settings
  }

  /// As gRPC names it; the brackets are an IPv6 address's.
  package var address: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
