// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// Users of one request whom one release answers, on their way through the services. Each stage serves all of them at once, in
/// as few RPCs as the services' limits allow, and leaves out those that have failed.
struct Recommendation: Sendable {
  let context: RequestContext
  /// Nil where the retrieval service routes by itself.
  let release: Release?
  /// Whether callers' users are encoded first.
  let priority: Common_Priority
  /// Whether the release's version is searched, whatever the serving state has become meanwhile.
  let isPinned: Bool

  var users: [UserProgress]
  /// Titles, brands, … of the items met so far.
  var metadata: [Identifier: Encoder_ItemMetadata] = [:]
  var encoderModel: Common_ModelRef?
  var llmModel: Common_ModelRef?
  var timings = Recommender_StageTimings()

  init(
    of users: [UserProgress], by release: Release?, _ context: RequestContext,
    priority: Common_Priority = .unspecified, isPinned: Bool = false
  ) {
    self.users = users
    self.release = release
    self.context = context
    self.priority = priority
    self.isPinned = isPinned
  }

  /// Places of the users that no stage has failed on.
  var sound: [Int] { users.indices.filter { users[$0].failure == nil } }

  /// Runs the stages. A stage that fails for all of them fails each; so does a caller who leaves.
  mutating func run() async {
    await stoppingAtFailures { recommendation in
      try await recommendation.encode()
      recommendation.timings.searchMicros = try await recommendation.timed { try await $0.search() }
      guard recommendation.context.withMetadata else { return }
      recommendation.timings.metadataMicros = try await recommendation.timed { try await $0.lookUpMetadata() }
    }
  }

  /// Runs the stages up to the search.
  mutating func runUpToSearch() async {
    await stoppingAtFailures { try await $0.encode() }
  }

  private mutating func encode() async throws {
    timings.itemsMicros = try await timed { try await $0.lookUpItems() }
    timings.usersMicros = try await timed { try await $0.encodeUsers() }
  }

  private mutating func stoppingAtFailures(_ stages: (inout Self) async throws -> Void) async {
    // What comes too late has not been failed by the release: it has done nothing yet.
    if context.scope.isOpen {
      for index in users.indices { users[index].isBegun = true }
    }
    do {
      try await stages(&self)
    } catch {
      let failure = error as? ServiceFailure ?? ServiceFailure(.cancelled, "nobody waits for the answer any more")
      for index in sound { users[index].stop(failure) }
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
    let most = context.limits.maxMessageBytes
    let limit = serviceLimit == 0 ? most : min(most, Int(serviceLimit))
    return limit - limit / 16
  }

  /// - Throws: FAILED_PRECONDITION (MODEL_MISMATCH) when parts of one request were answered by different trainings, or by
  ///   another than the release's.
  func requireOneTraining(
    _ known: Common_ModelRef?, _ model: Common_ModelRef, _ stage: Stage
  ) throws(ServiceFailure) {
    if let release, release.training != model.spaceFingerprint {
      throw ServiceFailure(
        .modelMismatch,
        "\(stage.name) (\(stage.target)): the service answered by training \(model.spaceFingerprint.prefix(12)), version "
          + "\(release.version) was built by \(release.training.prefix(12)); load that training into it (illmrec training load)"
      )
    }
    guard let known, known.spaceFingerprint != model.spaceFingerprint else { return }
    throw ServiceFailure(
      .modelMismatch,
      "\(stage.name) (\(stage.target)): replicas serve different trainings, \(known.spaceFingerprint.prefix(12)) and "
        + "\(model.spaceFingerprint.prefix(12)); serve one checkpoint behind one target")
  }
}
