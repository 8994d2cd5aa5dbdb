// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// One request on its way through the services. Each stage serves all users at once, in as few RPCs as the services' limits
/// allow, and leaves out those that have failed.
struct Recommendation: Sendable {
  let services: ServiceClients
  let scope: RequestScope
  /// What the services take in one RPC.
  let published: PublishedLimits.Values
  /// Most bytes of one message to a service.
  let maxMessageBytes: Int
  let request: Recommender_RecommendRequest
  /// Of the catalog, to read items from; 0 for the one that the encoder reads by default.
  let snapshot: UInt64

  var users: [UserProgress]
  /// Titles, brands, … of the items met so far.
  var metadata: [Identifier: Encoder_ItemMetadata] = [:]
  var encoderModel: Common_ModelRef?
  var llmModel: Common_ModelRef?
  var servedBy: Retrieval_ServedBy?
  var timings = Recommender_StageTimings()

  /// - Throws: what the services would refuse of the whole request.
  init(
    of request: Recommender_RecommendRequest, services: ServiceClients, scope: RequestScope,
    published: PublishedLimits.Values, limits: RecommenderLimits, snapshot: UInt64 = 0
  ) throws(ServiceFailure) {
    self.services = services
    self.scope = scope
    self.published = published
    self.request = request
    self.snapshot = snapshot
    maxMessageBytes = limits.maxMessageBytes
    let reader = RecommenderReader(limits: limits)
    try reader.check(request, against: published, services.retrievalTarget)
    users = request.users.indices.map { reader.user($0, of: request, published, services.retrievalTarget) }
  }

  /// Places of the users that no stage has failed on.
  var sound: [Int] { users.indices.filter { users[$0].failure == nil } }

  /// Runs the stages and answers.
  mutating func run(
    arrival: ContinuousClock.Instant, withMetadata: Bool
  ) async throws -> Recommender_RecommendResponse {
    timings.itemsMicros = try await timed { try await $0.lookUpItems() }
    timings.usersMicros = try await timed { try await $0.encodeUsers() }
    timings.searchMicros = try await timed { try await $0.search() }
    if withMetadata { timings.metadataMicros = try await timed { try await $0.lookUpMetadata() } }
    timings.totalMicros = arrival.duration(to: .now).microseconds
    return response
  }

  private var response: Recommender_RecommendResponse {
    .with {
      $0.requestID = request.requestID
      $0.results = users.map { Recommender_UserRecommendations($0, metadata: metadata) }
      if let encoderModel { $0.encoderModel = encoderModel }
      if let llmModel { $0.llmModel = llmModel }
      if let servedBy { $0.servedBy = servedBy }
      $0.timings = timings
    }
  }

  private mutating func timed(_ stage: (inout Self) async throws -> Void) async throws -> UInt64 {
    guard !sound.isEmpty else { return 0 }
    let start = ContinuousClock.now
    try await stage(&self)
    return start.duration(to: .now).microseconds
  }

  /// Room for values in a message, some of it left for names and framing.
  func room(_ serviceLimit: UInt32) -> Int {
    let limit = serviceLimit == 0 ? maxMessageBytes : min(maxMessageBytes, Int(serviceLimit))
    return limit - limit / 16
  }

  /// - Throws: FAILED_PRECONDITION (MODEL_MISMATCH) when parts of one request were answered by different trainings.
  static func requireOneTraining(
    _ known: Common_ModelRef?, _ model: Common_ModelRef, _ stage: Stage
  ) throws(ServiceFailure) {
    guard let known, known.spaceFingerprint != model.spaceFingerprint else { return }
    throw ServiceFailure(
      .modelMismatch,
      "\(stage.name) (\(stage.target)): replicas serve different trainings, \(known.spaceFingerprint.prefix(12)) and "
        + "\(model.spaceFingerprint.prefix(12)); serve one checkpoint behind one target")
  }
}
