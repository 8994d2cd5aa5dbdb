// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCInProcessTransport
import Logging
import MilvusBackend
import PrometheusMetrics
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing
import VectorIndex

@testable import RetrievalService

typealias Pb = RetrievalMessages

/// Short names for the contract's messages.
enum RetrievalMessages {
  typealias Query = Retrieval_Query
  typealias SearchRequest = Retrieval_SearchRequest
  typealias SearchResponse = Retrieval_SearchResponse
  typealias StreamRequest = Retrieval_StreamSearchRequest
  typealias UploadRequest = Retrieval_CreateVersionRequest
  typealias Version = Retrieval_Version
  typealias ModelRef = Common_ModelRef
  typealias Tensor = Common_Tensor
}

/// Clients of a retrieval service in this process.
struct RetrievalHarness: Sendable {
  let search: Retrieval_RetrievalService.Client<InProcessTransport.Client>
  let admin: Retrieval_IndexAdminService.Client<InProcessTransport.Client>
  /// What the service tells at a scrape.
  let metrics: [PrometheusRegistry.Reader]

  /// Runs `body` against a service on `directory`, observed as the real server is. Its vectors lie in the directory, or in
  /// the Milvus server that the environment names.
  static func run<Value: Sendable>(
    _ directory: String, limits: RetrievalLimits = RetrievalLimits(), faults: any StorageFaults = NoFaults(),
    rollouts: RolloutSettings = .unpaced, milvus: MilvusSettings? = MilvusServer.settings,
    backend: (any VectorBackend)? = nil, encodingServices: EncodingServices = EncodingServices(),
    access: AccessControl? = nil, logger: Logger = .silent,
    _ body: (RetrievalHarness) async throws -> Value
  ) async throws -> Value {
    let parts = try await RetrievalServer.load(
      Self.configuration(directory, limits, rollouts, milvus, encodingServices), logger: logger, faults: faults,
      backend: backend)
    do {
      let value = try await withServicesInProcess(parts.services + parts.administration, access: access, logger: logger)
      { client in
        try await body(
          RetrievalHarness(
            search: Retrieval_RetrievalService.Client(wrapping: client),
            admin: Retrieval_IndexAdminService.Client(wrapping: client), metrics: parts.metrics))
      }
      await parts.onShutdown()
      return value
    } catch {
      await parts.onShutdown()
      throw error
    }
  }

  private static func configuration(
    _ directory: String, _ limits: RetrievalLimits, _ rollouts: RolloutSettings, _ milvus: MilvusSettings?,
    _ encodingServices: EncodingServices
  ) -> RetrievalConfiguration {
    var limits = limits
    // A test that waits for processors may send nothing for minutes.
    if limits.uploadIdleSeconds == RetrievalLimits().uploadIdleSeconds { limits.uploadIdleSeconds = 86_400 }
    var configuration = RetrievalConfiguration(
      data: directory, limits: limits, threads: 2, rollouts: rollouts, milvus: milvus)
    configuration.encodingServices = encodingServices
    // The machine may be busy.
    configuration.encodingServices.timeout = .seconds(600)
    return configuration
  }

  /// Uploads a catalog, a few items a message.
  @discardableResult
  func publish(
    _ catalog: Catalog, index: String = "", requestID: String = "", labels: [String: String] = [:]
  ) async throws -> Pb.Version {
    try await upload(catalog.upload(index: index, requestID: requestID, labels: labels))
  }

  func upload(_ messages: [Pb.UploadRequest]) async throws -> Pb.Version {
    try await admin.createVersion { writer in
      for message in messages { try await writer.write(message) }
    }.version
  }

  func search(
    _ queries: Pb.Query..., in selector: Retrieval_VersionSelector.OneOf_Selector? = nil
  )
    async throws -> Pb.SearchResponse
  {
    try await search.search(
      .with {
        $0.queries = queries
        $0.target.selector = selector
      })
  }
}

/// Items whose vectors hold small whole numbers: inner products are exact in any order of summation.
struct Catalog: Sendable {
  let dim: Int
  let ids: [String]
  let vectors: [[Float]]
  var release: Common_CatalogRef?
  var model = Pb.ModelRef.with {
    $0.name = "model"
    $0.version = "1"
    $0.spaceFingerprint = "space-1"
  }

  /// - Parameters:
  ///   - prefix: of every item id.
  ///   - training: that made the vectors.
  init(count: Int, dim: Int = 4, prefix: String = "item", training: String = "space-1") {
    self.dim = dim
    model.spaceFingerprint = training
    ids = (0..<count).map { "\(prefix)-\($0)" }
    vectors = (0..<count).map { row in
      (0..<dim).map { (column: Int) -> Float in Float((row * 7 + column * 5) % 11 - 5) }
    }
  }

  init(ids: [String], vectors: [[Float]]) {
    dim = vectors[0].count
    self.ids = ids
    self.vectors = vectors
  }

  func ranking(of vector: [Float], k: Int, where isEligible: (String) -> Bool = { _ in true }) -> [String] {
    var scored: [(id: String, score: Float)] = []
    for (id, stored) in zip(ids, vectors) where isEligible(id) {
      let score = zip(vector, stored).reduce(Float(0)) { sum, pair in sum + pair.0 * pair.1 }
      scored.append((id, score))
    }
    let ranked = scored.sorted { a, b in
      if a.score != b.score { return a.score > b.score }
      return a.id.utf8.lexicographicallyPrecedes(b.id.utf8)
    }
    return ranked.prefix(k).map(\.id)
  }

  /// The messages of its upload.
  func upload(
    index: String = "", requestID: String = "", labels: [String: String] = [:], chunk: Int = 8
  ) -> [Pb.UploadRequest] {
    var messages: [Pb.UploadRequest] = [
      .with {
        $0.header.index = index
        $0.header.requestID = requestID
        $0.header.builtBy = model
        $0.header.dim = UInt32(dim)
        $0.header.labels = labels
        if let release { $0.header.catalog = release }
      }
    ]
    for first in stride(from: 0, to: ids.count, by: chunk) {
      let end = min(first + chunk, ids.count)
      messages.append(
        .with {
          $0.chunk.itemIds = Array(ids[first..<end])
          $0.chunk.vectors = Pb.Tensor(vectors[first..<end].flatMap { $0 }, shape: [end - first, dim])
        })
    }
    messages.append(.with { $0.commit.itemCount = UInt64(ids.count) })
    return messages
  }
}

extension Pb.Query {
  init(_ vector: [Float], k: UInt32, id: String = "", exclude: [String] = [], include: [String] = []) {
    self.init()
    queryID = id
    self.vector = Pb.Tensor(vector)
    self.k = k
    excludeItemIds = exclude
    includeItemIds = include
  }
}

/// Expects an RPC to fail with this code and reason, to name this field where one is given, and to say these words.
func expectFailure(
  _ code: RPCError.Code, _ reason: String, field: String? = nil, mentioning words: String...,
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> some Any
) async {
  let error = await #expect(throws: RPCError.self, sourceLocation: sourceLocation) { _ = try await body() }
  #expect(error?.code == code, "\(error.map(\.summary) ?? "")", sourceLocation: sourceLocation)
  #expect(error?.reason == reason, sourceLocation: sourceLocation)
  if let violation = error?.violation, let known = FailureReason(rawValue: reason) {
    #expect(known.entry.lists(violation.field), "\(violation.field)", sourceLocation: sourceLocation)
  }
  if let field { #expect(error?.violation?.field == field, sourceLocation: sourceLocation) }
  for word in words {
    #expect(error?.message.contains(word) == true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
  }
}
