// SPDX-License-Identifier: Apache-2.0

import Evaluation
import Foundation
import GRPCCore
import Recommender
import ServiceAPI
import ServiceSupport

/// Held-out items ranked by services as they run: what users get.
struct ServiceEvaluation: Sendable {
  let encoder: String
  let llm: String
  let retrieval: String
  /// An index, or a version of one.
  let index: String
  let naming: ItemNaming
  let leavesOutMissing: Bool
  let usersPerRequest: Int
  let requestsAtOnce: Int

  init(_ options: EvaluatedServicesOptions) {
    encoder = options.encoder.encoder
    llm = options.llm.llm
    retrieval = options.retrieval.retrieval
    index = options.index
    naming = options.itemIds
    leavesOutMissing = options.leaveOutMissing
    usersPerRequest = options.usersPerRequest
    requestsAtOnce = options.requestsAtOnce
  }

  /// - Parameter directory: of the task's dataset, for what is said of missing items.
  /// - Throws: CLIError with the service and the remedy; CancellationError when the task was cancelled.
  func report(on task: RankingTask, from directory: String) async throws -> MethodReport {
    try await withService("encoder", at: encoder) { encoderClient in
      try await withService("LLM service", at: llm) { llmClient in
        try await withService("retrieval service", at: retrieval) { retrievalClient in
          let targets = ServiceClients(
            encoder: (encoder, encoderClient), llm: (llm, llmClient), retrieval: (retrieval, retrievalClient))
          let training = try await ServedTraining(of: targets, index: index)
          let catalog = try await ServedCatalog(
            of: task.dataset, in: directory, naming: naming, leavesOutMissing: leavesOutMissing, targets: targets,
            version: training.version, catalog: training.catalog)
          let ranking = ServiceRanking(
            task: task, targets: targets, training: training, catalog: catalog, usersPerRequest: usersPerRequest,
            requestsAtOnce: requestsAtOnce)
          return try await ranking.report()
        }
      }
    }
  }
}

extension ServiceClients {
  /// Makes an RPC whose failure names the service.
  func call<Response: Sendable>(
    _ name: String, at target: String, _ rpc: () async throws -> Response
  ) async throws -> Response {
    do {
      return try await rpc()
    } catch let error as RPCError {
      if Task.isCancelled { throw CancellationError() }
      throw ServiceCallError.describe(error, name: name, target: target)
    }
  }
}
