// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Recommender
import ServiceAPI
import SwiftProtobuf

/// What the running services say of the training that built the version which is searched.
struct ServedTraining: Sendable {
  let llm: LLM_GetServerInfoResponse
  /// Most items of a list.
  let maxK: Int
  /// Name of the index version that is searched: figures do not mix the versions of a rollout.
  let version: String
  /// What the version was built from; empty where its publisher did not tell it: then the encoder reads what it reads by default.
  let catalog: Common_CatalogRef

  /// - Parameter index: an index, whose stable version is taken, or a version of one.
  /// - Throws: CLIError when a service cannot be reached or lacks the version's training, or there is no such index.
  init(of targets: ServiceClients, index: String) async throws {
    let info = try await targets.call("retrieval service", at: targets.retrievalTarget) {
      try await targets.retrieval.getServerInfo(.init(), metadata: [:], options: .defaults)
    }
    maxK = Int(info.limits.maxK)
    let served = try await Self.version(index, among: info.indexes, targets)
    let training = served.builtBy.spaceFingerprint
    let encoder = try await targets.call("encoder", at: targets.encoderTarget) {
      try await targets.encoder.getServerInfo(
        .with { $0.spaceFingerprint = training }, metadata: [:], options: .defaults)
    }
    llm = try await targets.call("LLM service", at: targets.llmTarget) {
      try await targets.llm.getServerInfo(.with { $0.spaceFingerprint = training }, metadata: [:], options: .defaults)
    }
    // Services of before several trainings answer by their own, whatever they are asked for.
    for (service, model) in [
      ("encoder at \(targets.encoderTarget)", encoder.model), ("LLM service at \(targets.llmTarget)", llm.model),
    ] where model.spaceFingerprint != training {
      throw CLIError(
        .service,
        "\(served.version) at \(targets.retrievalTarget) was built by the training \(Self.text(served.builtBy)), and the "
          + "\(service) serves \(Self.text(model)); load that training into it (illmrec training load), or bring in the items of "
          + "its own: illmrec index publish --index \(served.index) --promote")
    }
    version = served.version
    catalog = served.catalog
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
