// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Recommender
import ServiceAPI
import SwiftProtobuf

/// What the running services say of themselves, found to be one training.
struct ServedTraining: Sendable {
  let llm: LLM_GetServerInfoResponse
  /// Most items of a list.
  let maxK: Int
  /// Name of the index version that is searched: figures do not mix the versions of a rollout.
  let version: String
  /// The snapshot that the version was built from; 0 for the one that the encoder reads by default, where it was built from
  /// none of the encoder's.
  let snapshot: UInt64

  /// - Parameter index: an index, whose stable version is taken, or a version of one.
  /// - Throws: CLIError when a service cannot be reached, the trainings differ, or there is no such index.
  init(of targets: ServiceClients, index: String) async throws {
    let encoder = try await targets.call("encoder", at: targets.encoderTarget) {
      try await targets.encoder.getServerInfo(.init(), metadata: [:], options: .defaults)
    }
    llm = try await targets.call("LLM service", at: targets.llmTarget) {
      try await targets.llm.getServerInfo(.init(), metadata: [:], options: .defaults)
    }
    guard encoder.model.spaceFingerprint == llm.model.spaceFingerprint else {
      throw CLIError(
        .service,
        "the encoder at \(targets.encoderTarget) serves the training \(Self.text(encoder.model)), the LLM service at "
          + "\(targets.llmTarget) serves \(Self.text(llm.model)); start both with the same --checkpoint and --spaces")
    }
    let info = try await targets.call("retrieval service", at: targets.retrievalTarget) {
      try await targets.retrieval.getServerInfo(.init(), metadata: [:], options: .defaults)
    }
    maxK = Int(info.limits.maxK)
    let served = try await Self.version(index, among: info.indexes, targets)
    guard served.builtBy.spaceFingerprint == llm.model.spaceFingerprint else {
      throw CLIError(
        .service,
        "\(served.version) at \(targets.retrievalTarget) was built by the training \(Self.text(served.builtBy)), and the "
          + "encoder and the LLM service serve \(Self.text(llm.model)); bring its items in first: "
          + "illmrec index publish --index \(served.index) --promote")
    }
    version = served.version
    snapshot = served.catalog.id == encoder.catalog.id ? served.catalog.snapshot : 0
  }

  private static func version(
    _ index: String, among stable: [Retrieval_ServedBy], _ targets: ServiceClients
  ) async throws -> Retrieval_ServedBy {
    if index.contains("/") {
      return try await targets.call("retrieval service", at: targets.retrievalTarget) {
        // The version that answers is what is asked for; the item need not be in it.
        try await targets.retrieval.getItems(
          .with {
            $0.target.version = index
            $0.itemIds = ["-"]
          }, metadata: [:], options: .defaults
        ).servedBy
      }
    }
    guard let served = stable.first(where: { $0.index == index }) else {
      let known = stable.map(\.index).sorted().joined(separator: ", ")
      throw CLIError(
        .service,
        "the retrieval service at \(targets.retrievalTarget) serves no index \(index)"
          + (known.isEmpty ? "" : ", it has \(known)") + "; illmrec index publish --index \(index) makes one of the "
          + "encoder's items")
    }
    return served
  }

  /// "movielens 3 (1a2b3c4d5e6f)"
  private static func text(_ model: Common_ModelRef) -> String {
    [model.name, model.version, "(\(model.spaceFingerprint.prefix(12)))"].filter { !$0.isEmpty }.joined(separator: " ")
  }
}
