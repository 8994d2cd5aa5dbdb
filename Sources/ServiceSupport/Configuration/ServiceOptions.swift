package import ArgumentParser
import Logging

/// The flags that every service takes: `@OptionGroup var service: ServiceOptions`.
package struct ServiceOptions: ParsableArguments {
  package enum Keys {
    package static let host = SettingKey<String>(
      "host",
      "Address to listen on; there is no authentication, so open it (0.0.0.0) only to a network that may use the service",
      placeholder: "address", default: "127.0.0.1")
    package static let port = SettingKey<Int>(
      "port",
      "TCP port to listen on, 0 for any free one; by default gateway 50050, encoder 50051, llm 50052, retrieval 50053",
      placeholder: "port", allowed: .range(0...65535))
    package static let portFile = SettingKey<String>(
      "port-file", "File to write the port to once the service takes requests", placeholder: "file")
    package static let logLevel = SettingKey<String>(
      "log-level", "Least severe messages to log; debug adds a line per request", placeholder: "level", default: "info",
      allowed: .oneOf(Logger.Level.allCases.map(\.rawValue)))
    package static let maxMessageBytes = SettingKey<Int>(
      "max-message-bytes", "Largest message taken or sent", unit: "bytes", default: 64 << 20,
      allowed: .range(64 << 10...1 << 30))
    package static let shutdownGrace = SettingKey<Double>(
      "shutdown-grace",
      "How long requests are still taken after SIGTERM or SIGINT while health says NOT_SERVING, for load balancers to notice",
      unit: "seconds", default: 1, allowed: .range(0...600))
    package static let drainTimeout = SettingKey<Double>(
      "drain-timeout", "How long requests in progress may go on after that before they are cancelled", unit: "seconds",
      default: 30, allowed: .range(0...3600))

    static let all: [any AnySettingKey] = [
      host, port, portFile, logLevel, maxMessageBytes, shutdownGrace, drainTimeout,
    ]
  }

  @Option(name: Keys.host.flagName, help: Keys.host.help)
  package var host: String?
  @Option(name: Keys.port.flagName, help: Keys.port.help)
  package var port: Int?
  @Option(name: Keys.portFile.flagName, help: Keys.portFile.help)
  package var portFile: String?
  @Option(
    help: ArgumentHelp(
      "JSON file with values for any of these flags, named as they are; flags and ILLMREC_* variables come first.",
      valueName: "file"))
  package var config: String?
  @Option(name: Keys.logLevel.flagName, help: Keys.logLevel.help)
  package var logLevel: String?
  @Option(name: Keys.maxMessageBytes.flagName, help: Keys.maxMessageBytes.help)
  package var maxMessageBytes: Int?
  @Option(name: Keys.shutdownGrace.flagName, help: Keys.shutdownGrace.help)
  package var shutdownGrace: Double?
  @Option(name: Keys.drainTimeout.flagName, help: Keys.drainTimeout.help)
  package var drainTimeout: Double?

  package init() {}

  /// Resolves these flags together with a service's own.
  ///
  /// - Parameters:
  ///   - keys: the service's own keys.
  ///   - flags: what the command line gave for them.
  ///   - defaultPort: used when nothing else names a port.
  /// - Throws: ValidationError (exit code 64) for the command line's faults, SettingsError (exit code 1) for others.
  package func resolve(
    keys: [any AnySettingKey], flags: [FlagSetting?], defaultPort: Int
  ) throws -> ServiceSettings {
    try Self.asUsageError { () throws(SettingsError) in
      let settings = try Settings(keys: Keys.all + keys, flags: ownFlags + flags, file: config)
      return try ServiceSettings(settings, defaultPort: defaultPort)
    }
  }

  /// Runs `body` and turns a fault of the command line into the error that makes ArgumentParser exit with code 64.
  package static func asUsageError<Value>(_ body: () throws(SettingsError) -> Value) throws -> Value {
    do {
      return try body()
    } catch {
      throw error.isUsage ? ValidationError(error.message) : error
    }
  }

  private var ownFlags: [FlagSetting?] {
    [
      Keys.host.flag(host), Keys.port.flag(port), Keys.portFile.flag(portFile), Keys.logLevel.flag(logLevel),
      Keys.maxMessageBytes.flag(maxMessageBytes), Keys.shutdownGrace.flag(shutdownGrace),
      Keys.drainTimeout.flag(drainTimeout),
    ]
  }
}
