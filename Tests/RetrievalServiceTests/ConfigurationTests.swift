// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MilvusBackend
import ServiceSupport
import TestSupport
import Testing

@testable import RetrievalService

@Suite("The retrieval service is configured by flags")
struct ConfigurationTests {
  static func resolve(_ environment: [String: String]) throws -> RetrievalConfiguration {
    let groups: [any SettingGroup.Type] = [
      ServiceSettings.self, RetrievalSettings.self, RetrievalLimits.self, RolloutSettings.self, GraphOptions.self,
      MilvusOptions.self, ClientTLSSettings.self,
    ]
    let settings = try Settings(keys: groups.flatMap { $0.keys }, environment: environment)
    return try RetrievalConfiguration(ServiceSettings(settings, defaultPort: 50053))
  }

  @Test
  func `Defaults are those of the help`() throws {
    let configuration = try Self.resolve(["ILLMREC_DATA": "/data"])
    #expect(configuration.data == "/data" && configuration.threads == nil)
    #expect(configuration.limits == RetrievalLimits())
  }

  @Test
  func `Values reach the limits`() throws {
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

  @Test
  func `The services that encode are named once for each replica; by default none is asked`() throws {
    #expect(try Self.resolve(["ILLMREC_DATA": "d"]).encodingServices == EncodingServices())
    let services = try Self.resolve([
      "ILLMREC_DATA": "d", "ILLMREC_ENCODER": "a:1", "ILLMREC_LLM": "b:2,c:3",
    ]).encodingServices
    #expect(services == EncodingServices(encoders: ["a:1"], llms: ["b:2", "c:3"]))
    let command = try RetrievalCommand.parse(["--data", "d", "--encoder", "a:1", "--encoder", "a:2", "--llm", "b:2"])
    let given = try command.configuration().1.encodingServices
    #expect(given == EncodingServices(encoders: ["a:1", "a:2"], llms: ["b:2"]))
  }

  @Test
  func `A Milvus cluster has its settings; none is named by default`() throws {
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

  @Test
  func `The token comes from its file or from the environment`() throws {
    let directory = try TemporaryDirectory()
    let file = "\(directory.path)/token"
    try "user:password\n".write(toFile: file, atomically: true, encoding: .utf8)
    func token(_ environment: [String: String], file: String? = nil) throws -> String? {
      var values = ["ILLMREC_DATA": "d", "ILLMREC_MILVUS_ADDRESS": "m:1"]
      values["ILLMREC_MILVUS_TOKEN_FILE"] = file
      let settings = try Settings(keys: MilvusOptions.keys, environment: values)
      return try MilvusSettings(try settings.read(), environment: environment)?.token
    }
    #expect(try token([:]) == nil)
    #expect(try token(["ILLMREC_MILVUS_TOKEN": "key"]) == "key")
    #expect(try token(["ILLMREC_MILVUS_TOKEN": "key"], file: file) == "user:password")
    let error = #expect(throws: SettingsError.self) { try token([:], file: "\(directory.path)/none") }
    #expect(error?.message.contains("--milvus-token-file") == true)
  }

  @Test(
    arguments: [
      ([:], "--data"), (["ILLMREC_DATA": "d", "ILLMREC_MAX_K": "0"], "ILLMREC_MAX_K"),
      (["ILLMREC_DATA": "d", "ILLMREC_MILVUS_ADDRESS": "m:1", "ILLMREC_MILVUS_INDEX": "hnsw:x=1"], "--milvus-index"),
      (
        ["ILLMREC_DATA": "d", "ILLMREC_MAX_QUERIES_PER_REQUEST": "400", "ILLMREC_MAX_QUEUE_QUERIES": "300"],
        "--max-queue-queries"
      ),
    ] as [([String: String], String)])
  func `What cannot be used is refused by name`(environment: [String: String], word: String) {
    let error = #expect(throws: SettingsError.self) { try Self.resolve(environment) }
    #expect(error?.message.contains(word) == true)
  }
}
