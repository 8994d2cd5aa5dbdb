// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import Recommender

/// Two releases: version 1 by training a from snapshot 1, version 2 by training b from snapshot 2. A training's soft tokens, and
/// so its user vectors and scores, are those of training a times 1 or 10; a snapshot's titles and a version's items say whose
/// they are.
@Suite("Each user goes the way of one release", .timeLimit(.minutes(60))) struct ReleaseTests {
  private static let (one, two) = ("default/versions/1", "default/versions/2")

  private static func routing(permille: UInt32, shadow: UInt32 = 0, fallsBack: Bool = false) -> Retrieval_Routing {
    .with {
      $0.index = "default"
      $0.stable = version(one, "training-a", snapshot: 1)
      $0.candidate = version(two, "training-b", snapshot: 2)
      $0.rolloutNumber = 7
      $0.canaryPermille = permille
      $0.shadowPermille = shadow
      $0.fallbackToStable = fallsBack
    }
  }

  private static func version(_ name: String, _ training: String, snapshot: UInt64) -> Retrieval_RoutedVersion {
    .with {
      $0.version = name
      $0.builtBy.spaceFingerprint = training
      $0.catalog = .with {
        $0.id = "store"
        $0.snapshot = snapshot
      }
    }
  }

  private static func harness(_ routings: Retrieval_Routing...) -> GatewayHarness {
    var harness = GatewayHarness()
    harness.encoder.catalogID = "store"
    harness.encoder.trainings = ["training-b": 10]
    harness.encoder.snapshots = [
      1: [
        "lamp": .init(title: "lamp of 1", softToken: [1, 0]), "desk": .init(title: "desk of 1", softToken: [0, 1]),
      ],
      2: [
        "lamp": .init(title: "lamp of 2", softToken: [1, 0]), "desk": .init(title: "desk of 2", softToken: [0, 1]),
      ],
    ]
    harness.llm.trainings = ["training-b"]
    harness.retrieval.versions = [one: ["desk": [1, 0]], two: ["desk": [1, 0], "lamp": [0.5, 0]]]
    harness.retrieval.routings = routings
    return harness
  }

  private static let users = (0..<40).map { UserHistory("user \($0)", ["lamp"]) }

  /// What the release of a version answers to a user who met the lamp.
  private static func isWhole(_ result: Recommender_UserRecommendations, of version: String) -> Bool {
    guard let item = result.items.first, result.items.count == 1, item.itemID == "desk" else { return false }
    return version == one
      ? item.score == 1 && item.metadata.title == "desk of 1" : item.score == 10 && item.metadata.title == "desk of 2"
  }

  private static func version(
    of result: Recommender_UserRecommendations, in response: Recommender_RecommendResponse
  )
    -> String
  {
    result.hasServedBy ? result.servedBy.version : response.servedBy.version
  }

  @Test func `Training, snapshot and version of a user are one release's, chosen by the service's formula`()
    async throws
  {
    let harness = Self.harness(Self.routing(permille: 500))
    let response = try await harness.run { try await $0.recommend(.with { $0.users = Self.users }) }
    let split = TrafficSplit(index: "default", rollout: 7, permille: 500)
    for result in response.results {
      let expected = split.takesCanary(result.userID) ? Self.two : Self.one
      #expect(Self.version(of: result, in: response) == expected)
      #expect(Self.isWhole(result, of: expected), "\(result)")
    }
    #expect(Set(response.results.map { Self.version(of: $0, in: response) }) == [Self.one, Self.two])
    let named = harness.llm.encodings.values.map { ($0.expectedSpaceFingerprint, Set($0.users.map(\.userID))) }
    #expect(Set(named.map(\.0)) == ["training-a", "training-b"])
    #expect(
      named.allSatisfy { training, users in users.allSatisfy { split.takesCanary($0) == (training == "training-b") } })
  }

  @Test func `A user without an id keeps one release through a request`() async throws {
    let harness = Self.harness(Self.routing(permille: 500))
    for _ in 0..<8 {
      let response = try await harness.run {
        try await $0.recommend(.with { $0.users = [UserHistory("", ["lamp"]), UserHistory("", ["lamp"])] })
      }
      let versions = response.results.map { Self.version(of: $0, in: response) }
      #expect(versions[0] == versions[1])
      #expect(response.results.allSatisfy { Self.isWhole($0, of: versions[0]) })
    }
    let keys = harness.retrieval.searches.values.flatMap { $0.queries.map(\.routingKey) }
    #expect(keys.allSatisfy { !$0.isEmpty })
  }

  @Test func `Users whose version has changed on the way begin anew, and the others keep their answers`() async throws {
    // What the gateway hears first is over by the time it searches.
    let harness = Self.harness(Self.routing(permille: 0), Self.routing(permille: 500))
    let response = try await harness.run { try await $0.recommend(.with { $0.users = Self.users }) }
    let split = TrafficSplit(index: "default", rollout: 7, permille: 500)
    for result in response.results {
      #expect(Self.isWhole(result, of: split.takesCanary(result.userID) ? Self.two : Self.one), "\(result)")
    }
    #expect(harness.retrieval.routingsAsked.values.count == 2)
    let encoded = harness.llm.encodings.values.map(\.users.count)
    #expect(encoded.reduce(0, +) == 40 + Self.users.count { split.takesCanary($0.userID) })
    #expect(harness.retrieval.failuresReported.values.isEmpty)
  }

  @Test func `A state that changes at every attempt is answered by the version of the last one`() async throws {
    // The search answers by a routing of its own, which never comes to the gateway.
    var harness = Self.harness()
    harness.retrieval.routings = (0..<100).map { _ in Self.routing(permille: 0) } + [Self.routing(permille: 1000)]
    let response = try await harness.run { client in
      try await client.recommend(.with { $0.users = [UserHistory("u", ["lamp"])] })
    }
    #expect(Self.isWhole(response.results[0], of: Self.one))
    #expect(harness.retrieval.routingsAsked.values.count == RoutedRequest.maxAttempts)
    let targets = harness.retrieval.searches.values.map(\.target.version)
    #expect(targets == ["", "", "", Self.one])
  }

  @Test func `Whoever fails before the search by a version that is theirs no longer begins anew and counts for nobody`()
    async throws
  {
    // The candidate has been rolled back since the gateway heard of it.
    var harness = Self.harness(Self.routing(permille: 1000), Self.routing(permille: 0))
    harness.encoder.trainings = [:]
    let response = try await harness.run { try await $0.recommend(.with { $0.users = Self.users }) }
    #expect(response.results.allSatisfy { Self.isWhole($0, of: Self.one) })
    #expect(harness.retrieval.failuresReported.values.isEmpty)
  }

  @Test func `A candidate whose training is not loaded fails its users alone, and is told to the gates`() async throws {
    var harness = Self.harness(Self.routing(permille: 500))
    harness.encoder.trainings = [:]
    let response = try await harness.run { try await $0.recommend(.with { $0.users = Self.users }) }
    let split = TrafficSplit(index: "default", rollout: 7, permille: 500)
    for result in response.results {
      guard split.takesCanary(result.userID) else {
        #expect(Self.isWhole(result, of: Self.one))
        continue
      }
      #expect(result.error.reason == "TRAINING_NOT_LOADED")
    }
    let reported = harness.retrieval.failuresReported.values
    #expect(reported.map(\.rolloutNumber) == [7])
    let failures = reported.flatMap(\.failures)
    #expect(Set(failures.map(\.routingKey)) == Set(Self.users.map(\.userID).filter(split.takesCanary)))
    #expect(failures.allSatisfy { $0.version == Self.two && $0.reason == "TRAINING_NOT_LOADED" && !$0.fellBack })
  }

  @Test func `An item that the candidate's snapshot lacks fails the candidate's users and counts for it`() async throws
  {
    var harness = Self.harness(Self.routing(permille: 1000))
    harness.encoder.snapshots[2]?["lamp"] = nil
    let response = try await harness.run { try await $0.recommend(.with { $0.users = [UserHistory("u", ["lamp"])] }) }
    #expect(response.results[0].error.reason == "ITEM_NOT_FOUND")
    #expect(
      response.results[0].error.message.contains(
        "item \"lamp\" is not in snapshot 2 of catalog store (encoder:1), which default/versions/2 was built from; encode it"
      ))
    let failures = harness.retrieval.failuresReported.values.flatMap(\.failures)
    #expect(failures.map(\.reason) == ["ITEM_NOT_FOUND"])
  }

  @Test func `A candidate that lets its users' time run out has failed them, and not the others`() async throws {
    var harness = Self.harness(Self.routing(permille: 500))
    harness.llm.stallingTrainings = ["training-b"]
    let split = TrafficSplit(index: "default", rollout: 7, permille: 500)
    let candidates = Set(Self.users.map(\.userID).filter(split.takesCanary))
    let failures = try await harness.runOverCore { [harness] client in
      // On a busy machine a short time may be over before anything has begun, or before the others have their answers.
      for seconds in [1, 5, 30, 120] {
        let before = harness.retrieval.failuresReported.values.count
        var options = CallOptions.defaults
        options.timeout = .seconds(seconds)
        let error = await #expect(throws: RPCError.self) {
          try await client.recommend(.with { $0.users = Self.users }, options: options)
        }
        #expect(error?.code == .deadlineExceeded)
        let told = try await Self.told(harness.retrieval, after: before)
        if Set(told.map(\.routingKey)) == candidates { return told }
      }
      return []
    }
    #expect(failures.count == candidates.count)
    #expect(failures.allSatisfy { $0.version == Self.two && $0.reason == "DEADLINE_EXCEEDED" && !$0.fellBack })
  }

  /// The failures of the next report, if it comes soon.
  private static func told(
    _ retrieval: SmallRetrieval, after count: Int
  ) async throws -> [Retrieval_ReportFailuresRequest.Failure] {
    for _ in 0..<300 where retrieval.failuresReported.values.count == count {
      try await Task.sleep(for: .milliseconds(10))
    }
    return retrieval.failuresReported.values.dropFirst(count).flatMap(\.failures)
  }

  @Test func `A caller who leaves before the time is over counts for nobody`() async throws {
    var harness = Self.harness(Self.routing(permille: 1000))
    harness.llm.stallingTrainings = ["training-b"]
    try await harness.runOverCore { [harness] client in
      for timeout in [nil, Duration.seconds(600)] {
        let stalls = harness.llm.encodings.values.count
        let call = Task {
          var options = CallOptions.defaults
          options.timeout = timeout
          return try await client.recommend(.with { $0.users = Self.users }, options: options)
        }
        try await waitUntil { harness.llm.encodings.values.count > stalls }
        call.cancel()
        await #expect(throws: (any Error).self) { try await call.value }
        try await waitUntil { harness.llm.stalled.values.count > stalls }
      }
      // Whatever would be told has been by the time that another request is.
      try await Task.sleep(for: .milliseconds(100))
    }
    #expect(harness.retrieval.failuresReported.values.isEmpty)
  }

  @Test func `Time that is over before a release has begun counts for nobody`() async throws {
    let harness = Self.harness(Self.routing(permille: 500))
    try await harness.withServer { server in
      for deadline in [ContinuousClock.now, .now + .microseconds(1)] {
        await #expect(throws: ServiceFailure.self) {
          try await server.recommend(.with { $0.users = Self.users }, deadline: deadline)
        }
      }
    }
    #expect(harness.retrieval.failuresReported.values.isEmpty)
    let late = ServiceFailure(.deadlineExceeded, "too late")
    for isBegun in [false, true] {
      var user = UserProgress(Self.users[0], place: 0, maxHistoryItems: 1)
      user.isBegun = isBegun
      user.stop(late)
      let report = FailureReport(of: [user], fallen: [:], ReleaseRouting(Self.routing(permille: 500)))
      #expect((report != nil) == isBegun)
    }
  }

  @Test func `A service that is away before anything begins has failed the users of both releases`() async throws {
    var harness = Self.harness(Self.routing(permille: 500))
    harness.llm.isAway = true
    let error = try await harness.run { client in
      await #expect(throws: RPCError.self) { try await client.recommend(.with { $0.users = Self.users }) }
    }
    #expect(error?.reason == "STAGE_UNAVAILABLE")
    let failures = harness.retrieval.failuresReported.values.flatMap(\.failures)
    let split = TrafficSplit(index: "default", rollout: 7, permille: 500)
    #expect(Set(failures.map(\.routingKey)) == Set(Self.users.map(\.userID)))
    for failure in failures {
      #expect(failure.version == (split.takesCanary(failure.routingKey) ? Self.two : Self.one))
      #expect(failure.reason == "STAGE_UNAVAILABLE")
    }
  }

  @Test func `What fails after the search counts too: the retrieval service has seen an answer`() async throws {
    var harness = Self.harness(Self.routing(permille: 1000))
    harness.encoder.failsTitles = true
    let error = try await harness.run { client in
      await #expect(throws: RPCError.self) { try await client.recommend(.with { $0.users = Self.users }) }
    }
    #expect(error?.reason == "STORAGE_FAILED")
    let failures = harness.retrieval.failuresReported.values.flatMap(\.failures)
    #expect(failures.count == 40 && failures.allSatisfy { $0.version == Self.two && $0.reason == "STORAGE_FAILED" })
  }

  @Test func `A user at fault themselves counts for no version`() async throws {
    let harness = Self.harness(Self.routing(permille: 1000))
    let empty = UserHistory.with {
      $0.userID = "no bytes"
      $0.interactions = [.with { $0.image = .with { $0.title = "no bytes" } }]
    }
    let response = try await harness.run { try await $0.recommend(.with { $0.users = [empty] }) }
    #expect(response.results[0].error.reason == "IMAGE_EMPTY")
    #expect(harness.retrieval.failuresReported.values.isEmpty)
  }

  @Test func `Where the plan falls back the whole way is the stable release's, and the failure is told`() async throws {
    var harness = Self.harness(Self.routing(permille: 1000, fallsBack: true))
    harness.encoder.trainings = [:]
    let response = try await harness.run { try await $0.recommend(.with { $0.users = Self.users }) }
    for result in response.results {
      #expect(Self.isWhole(result, of: Self.one), "\(result)")
      #expect(result.fellBackFrom == Self.two)
    }
    let failures = harness.retrieval.failuresReported.values.flatMap(\.failures)
    #expect(failures.count == 40 && failures.allSatisfy { $0.version == Self.two && $0.fellBack })
  }

  @Test func `A failed search falls back along the whole way too, and is not told twice`() async throws {
    var harness = Self.harness(Self.routing(permille: 1000, fallsBack: true))
    harness.retrieval.failingUsers = ["user 3"]
    let response = try await harness.run { try await $0.recommend(.with { $0.users = Self.users }) }
    for (place, result) in response.results.enumerated() {
      #expect(Self.isWhole(result, of: place == 3 ? Self.one : Self.two), "\(result)")
      #expect(result.fellBackFrom == (place == 3 ? Self.two : ""))
    }
    #expect(harness.retrieval.failuresReported.values.isEmpty)
  }

  @Test(arguments: [false, true])
  func `A version of another store's items fails its users by name, stable or candidate`(
    ofOldEncoder: Bool
  ) async throws {
    var harness = Self.harness(Self.routing(permille: 500))
    harness.encoder.ignoresCatalogID = ofOldEncoder
    harness.encoder.catalogID = "another store"
    let error = try await harness.run { client in
      await #expect(throws: RPCError.self) { try await client.recommend(.with { $0.users = Self.users }) }
    }
    #expect(error?.code == .failedPrecondition && error?.reason == "CATALOG_MISMATCH")
    #expect(error?.message.hasPrefix("looking up items (encoder:1): ") == true)
    let named = harness.encoder.lookups.values.map { "\($0.catalogID) \($0.snapshot)" }
    #expect(Set(named) == ["store 1", "store 2"])
    #expect(Set(harness.retrieval.failuresReported.values.flatMap(\.failures).map(\.version)) == [Self.one, Self.two])
  }

  @Test func `A version that does not tell its snapshot is answered from what the encoder reads by default`()
    async throws
  {
    var routing = Self.routing(permille: 0)
    routing.stable.clearCatalog()
    var harness = Self.harness(routing)
    harness.encoder.items = [
      "lamp": .init(title: "lamp", softToken: [1, 0]), "desk": .init(title: "desk of 1", softToken: nil),
    ]
    let response = try await harness.run { try await $0.recommend(.with { $0.users = Self.users }) }
    #expect(response.results.allSatisfy { Self.isWhole($0, of: Self.one) })
    #expect(harness.encoder.lookups.values.allSatisfy { $0.catalogID.isEmpty && $0.snapshot == 0 })
  }

  @Test func `Shadowed users are encoded again in the background, and both vectors are offered`() async throws {
    let harness = Self.harness(Self.routing(permille: 0, shadow: 1000))
    _ = try await harness.run { client in
      let response = try await client.recommend(.with { $0.users = Self.users })
      #expect(response.results.allSatisfy { Self.isWhole($0, of: Self.one) })
      try await waitUntil { !harness.retrieval.comparisonsOffered.values.isEmpty }
    }
    let offered = try #require(harness.retrieval.comparisonsOffered.values.first)
    #expect(offered.rolloutNumber == 7 && offered.dropped == 0 && offered.offers.count == 40)
    for offer in offered.offers {
      #expect(offer.baseline.expectedVersion == Self.one && offer.candidate.expectedVersion == Self.two)
      #expect(offer.baseline.vector == Common_Tensor([1, 0]) && offer.candidate.vector == Common_Tensor([10, 0]))
      #expect(offer.baseline.excludeItemIds == ["lamp"] && offer.candidate.k == offer.baseline.k)
    }
    let priorities = harness.llm.encodings.values.map { ($0.expectedSpaceFingerprint, $0.priority) }
    #expect(priorities.allSatisfy { $0.1 == ($0.0 == "training-b" ? .background : .unspecified) })
  }

  @Test func `Shadowed users who cannot be encoded for the candidate are its failed comparisons`() async throws {
    var harness = Self.harness(Self.routing(permille: 0, shadow: 1000))
    harness.encoder.trainings = [:]
    _ = try await harness.run { [harness] client in
      _ = try await client.recommend(.with { $0.users = Self.users })
      try await waitUntil { !harness.retrieval.comparisonsOffered.values.isEmpty }
    }
    let offered = try #require(harness.retrieval.comparisonsOffered.values.first)
    #expect(offered.offers.isEmpty && offered.failedCandidate == 40)
    #expect(Set(offered.failedCandidateKeys).count == 40, "each user by the own key")
    #expect(offered.failedBaseline == 0 && offered.dropped == 0)
  }

  @Test func `Queries that fit both versions are left to the retrieval service to compare`() async throws {
    var routing = Self.routing(permille: 0, shadow: 1000)
    routing.candidate = Self.version(Self.two, "training-a", snapshot: 1)
    routing.sharesQueries = true
    let harness = Self.harness(routing)
    _ = try await harness.run { try await $0.recommend(.with { $0.users = Self.users }) }
    #expect(harness.llm.encodings.values.count == 1)
  }
}
