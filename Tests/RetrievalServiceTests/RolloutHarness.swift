// SPDX-License-Identifier: Apache-2.0

import RetrievalService
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// Two hundred users of an index whose second version is brought in.
enum RolloutUsers {
  static let all = (0..<200).map { "user-\($0)" }

  /// Whom the candidate of the index's first rollout answers, by the written formula.
  static func onCanary(permille: Int, rollout: UInt64 = 1) -> [String] {
    all.filter(TrafficSplit(index: "default", rollout: rollout, permille: permille).takesCanary)
  }
}

extension RetrievalHarness {
  /// Begins to bring in the second version, in stages that wait for a person. Without gates there are none for errors either.
  @discardableResult
  func start(
    _ shares: UInt32..., shadow: UInt32 = 0, fallsBack: Bool = false, gates: Retrieval_RolloutGates? = nil,
    manual: Bool = true
  ) async throws -> Retrieval_ServingState {
    try await admin.startRollout(
      .with {
        $0.version = "default/versions/2"
        $0.plan.stages = shares.map { share in
          .with {
            $0.canaryPermille = share
            $0.shadowPermille = shadow
            $0.manual = manual
          }
        }
        $0.plan.gates = gates ?? .with { $0.maxErrorRatio = 0 }
        $0.plan.fallbackToStable = fallsBack
      }
    ).servingState
  }

  func figures() async throws -> Retrieval_RolloutFigures { try await admin.getServingState(.init()).figures }

  func routing(_ selector: Retrieval_VersionSelector.OneOf_Selector? = nil) async throws -> Retrieval_Routing {
    try await search.getRouting(.with { $0.target.selector = selector }).routing
  }

  /// A query for each user, with the user's name as id and routing key.
  func search(
    users: [String], _ edit: (String, inout Pb.Query) -> Void = { _, _ in }
  ) async throws -> [Retrieval_QueryResult] {
    let queries = users.map { Pb.Query(of: $0, edit) }
    return try await search.search(.with { $0.queries = queries }).completed
  }
}

extension Pb.Query {
  init(of user: String, k: UInt32 = 5, _ edit: (String, inout Pb.Query) -> Void = { _, _ in }) {
    self = Pb.Query([1, 2, 3, 4], k: k, id: user)
    routingKey = user
    edit(user, &self)
  }

  /// Sends vectors of these trainings in place of the one.
  mutating func setVectors(_ vectors: [(training: String, values: [Float])]) {
    clearVector()
    self.vectors = vectors.map { vector in
      .with {
        $0.spaceFingerprint = vector.training
        $0.vector = Pb.Tensor(vector.values)
      }
    }
  }
}

extension Pb.SearchResponse {
  /// The results, each with the version that answered.
  var completed: [Retrieval_QueryResult] {
    results.map { result in
      var result = result
      if !result.hasServedBy { result.servedBy = servedBy }
      return result
    }
  }
}
