import ServiceSupport
import Testing

@testable import RetrievalService

@Suite("Configuration")
struct ConfigurationTests {
  static func resolve(_ environment: [String: String]) throws -> RetrievalConfiguration {
    let keys = ServiceOptions.Keys.self
    let common: [any AnySettingKey] = [
      keys.host, keys.port, keys.portFile, keys.logLevel, keys.maxMessageBytes, keys.shutdownGrace, keys.drainTimeout,
    ]
    let settings = try Settings(keys: common + RetrievalCommand.Keys.all, environment: environment)
    return try RetrievalConfiguration(ServiceSettings(settings, defaultPort: 50053))
  }

  @Test("defaults")
  func defaults() throws {
    let configuration = try Self.resolve(["ILLMREC_DATA": "/data"])
    #expect(configuration.data == "/data" && configuration.threads == nil)
    #expect(configuration.limits == RetrievalLimits())
  }

  @Test("values reach the limits")
  func values() throws {
    let configuration = try Self.resolve([
      "ILLMREC_DATA": "/data", "ILLMREC_MAX_K": "7", "ILLMREC_MAX_UPLOADS": "2", "ILLMREC_THREADS": "3",
      "ILLMREC_MAX_ITEMS_PER_VERSION": "9", "ILLMREC_MAX_MESSAGE_BYTES": "70000",
    ])
    #expect(configuration.threads == 3)
    var limits = RetrievalLimits()
    limits.maxK = 7
    limits.maxUploads = 2
    limits.maxItemsPerVersion = 9
    limits.maxMessageBytes = 70_000
    #expect(configuration.limits == limits)
  }

  @Test(
    "what cannot be used is refused by name",
    arguments: [
      ([:], "--data"), (["ILLMREC_DATA": "d", "ILLMREC_MAX_K": "0"], "ILLMREC_MAX_K"),
      (
        ["ILLMREC_DATA": "d", "ILLMREC_MAX_QUERIES_PER_REQUEST": "400", "ILLMREC_MAX_QUEUE_QUERIES": "300"],
        "--max-queue-queries"
      ),
    ] as [([String: String], String)])
  func refused(environment: [String: String], word: String) {
    let error = #expect(throws: SettingsError.self) { try Self.resolve(environment) }
    #expect(error?.message.contains(word) == true)
  }
}
