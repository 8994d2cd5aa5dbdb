import Foundation
import MilvusBackend
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

  @Test("a Milvus cluster and its settings; none is named by default")
  func milvus() throws {
    #expect(try Self.resolve(["ILLMREC_DATA": "d"]).milvus == nil)
    let milvus = try #require(
      try Self.resolve([
        "ILLMREC_DATA": "d", "ILLMREC_MILVUS_ADDRESS": "m:19530", "ILLMREC_MILVUS_DATABASE": "b",
        "ILLMREC_MILVUS_INDEX": "hnsw:M=8", "ILLMREC_MILVUS_REPLICAS": "2", "ILLMREC_MILVUS_CONSISTENCY": "strong",
        "ILLMREC_MILVUS_TIMEOUT": "250",
      ]).milvus)
    #expect(milvus.address == "m:19530" && milvus.database == "b" && milvus.replicas == 2)
    #expect(milvus.index.description == "hnsw:M=8,ef=128,efConstruction=360")
    #expect(milvus.consistency == .strong && milvus.searchTimeout == .milliseconds(250))
  }

  @Test("the token comes from its file or from the environment")
  func milvusToken() throws {
    let directory = try TemporaryDirectory()
    let file = "\(directory.path)/token"
    try "user:password\n".write(toFile: file, atomically: true, encoding: .utf8)
    func token(_ environment: [String: String], file: String? = nil) throws -> String? {
      var values = ["ILLMREC_DATA": "d", "ILLMREC_MILVUS_ADDRESS": "m:1"]
      values["ILLMREC_MILVUS_TOKEN_FILE"] = file
      let settings = try Settings(keys: RetrievalCommand.Keys.all, environment: values)
      return try MilvusSettings(settings, environment: environment)?.token
    }
    #expect(try token([:]) == nil)
    #expect(try token(["ILLMREC_MILVUS_TOKEN": "key"]) == "key")
    #expect(try token(["ILLMREC_MILVUS_TOKEN": "key"], file: file) == "user:password")
    let error = #expect(throws: SettingsError.self) { try token([:], file: "\(directory.path)/none") }
    #expect(error?.message.contains("--milvus-token-file") == true)
  }

  @Test(
    "what cannot be used is refused by name",
    arguments: [
      ([:], "--data"), (["ILLMREC_DATA": "d", "ILLMREC_MAX_K": "0"], "ILLMREC_MAX_K"),
      (["ILLMREC_DATA": "d", "ILLMREC_MILVUS_ADDRESS": "m:1", "ILLMREC_MILVUS_INDEX": "hnsw:x=1"], "--milvus-index"),
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
