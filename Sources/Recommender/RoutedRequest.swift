// SPDX-License-Identifier: Apache-2.0

import Basics
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// One request: its users go their way by the release that the index's serving state gives each of them, those of one release
/// together and the releases side by side. No answer mixes two releases; where the state changes on the way, the users whom it
/// concerns begin anew. Whoever meets a change every time is answered at last by the version that was theirs at the beginning of
/// that attempt, as if the request had been that much quicker.
struct RoutedRequest: Sendable {
  /// Ways that a user may begin.
  static let maxAttempts = 4

  private let context: RequestContext
  private let routings: RoutingCache
  private let comparisons: ComparisonOffers
  /// As the request's reader left them.
  private let asked: [UserProgress]

  private var users: [UserProgress]
  /// What answered each user, by place.
  private var answered: [Int: Recommendation] = [:]
  private var timings = Recommender_StageTimings()

  /// - Throws: what the services would refuse of the whole request.
  init(_ context: RequestContext, routings: RoutingCache, comparisons: ComparisonOffers) throws(ServiceFailure) {
    self.context = context
    self.routings = routings
    self.comparisons = comparisons
    let reader = RecommenderReader(limits: context.limits)
    let (request, retrieval) = (context.request, context.services.retrievalTarget)
    try reader.check(request, against: context.published, retrieval)
    asked = request.users.indices.map { reader.user($0, of: request, context.published, retrieval) }
    users = asked
  }

  /// Answers.
  ///
  /// - Throws: what stopped all users that were not at fault themselves.
  mutating func run(arrival: ContinuousClock.Instant) async throws -> Recommender_RecommendResponse {
    var open = asked.indices.filter { asked[$0].failure == nil }
    var routing: ReleaseRouting?
    let common = Self.commonKey(of: context.request)
    for attempt in 0..<Self.maxAttempts where !open.isEmpty {
      routing = try await routings.routing(of: context.request.target, context.scope, afresh: attempt > 0)
      try await answer(open, by: routing, commonKey: common, isLast: attempt + 1 == Self.maxAttempts)
      open = open.filter { users[$0].failure?.reason == FailureReason.servingStateChanged.rawValue }
    }
    timings.totalMicros = arrival.duration(to: .now).microseconds
    if let stopping { throw stopping }
    if let routing, routing.comparesReleases {
      comparisons.offer(users.compactMap { answered[$0.place]?.with($0) }, routing)
    }
    return response
  }

  /// What stopped all users that were not at fault themselves, where that was one and the same: nothing is left of the request.
  private var stopping: ServiceFailure? {
    let others = users.filter { $0.failure == nil || $0.stopping != nil }
    guard let first = others.first?.stopping else { return nil }
    return others.allSatisfy { $0.stopping?.reason == first.reason } ? first : nil
  }

  /// Of the users without a key of their own.
  static func commonKey(of request: Recommender_RecommendRequest) -> String {
    request.target.routingKey.isEmpty ? String(UInt64.random(in: .min ... .max)) : request.target.routingKey
  }

  // MARK: The users' ways

  /// Answers users from their beginning, and those whom the candidate fails by the stable version where the plan says so.
  private mutating func answer(
    _ places: [Int], by routing: ReleaseRouting?, commonKey: String, isLast: Bool
  ) async throws {
    let ready = places.map { asked[$0].routed(of: context.request, commonKey: routing == nil ? "" : commonKey) }
    let candidates = ready.filter { routing?.release(of: $0.routingKey).arm == .candidate }
    let others = ready.filter { routing?.release(of: $0.routingKey).arm != .candidate }
    let ways = [
      Recommendation(of: others, by: routing?.stable, context, isPinned: isLast),
      Recommendation(of: candidates, by: routing?.candidate, context, isPinned: isLast),
    ].filter { !$0.users.isEmpty }
    for way in await Self.run(ways) { note(way) }
    if let routing { await settle(ready, candidates, routing, isLast: isLast) }
    // Users whose time is over keep that as their failure.
    if Task.isCancelled, places.contains(where: { users[$0].failure?.reason == FailureReason.cancelled.rawValue }) {
      throw CancellationError()
    }
  }

  /// What is to be done about those who failed, while somebody waits for them; and counts them, also where nobody does any more.
  private mutating func settle(
    _ ready: [UserProgress], _ candidates: [UserProgress], _ routing: ReleaseRouting, isLast: Bool
  ) async {
    if !isLast, context.scope.isOpen { await beginAnewWhereMoved(ready, from: routing) }
    guard routing.candidate != nil else { return }
    let fallen = context.scope.isOpen ? await fallBack(from: candidates.map(\.place), routing) : [:]
    await FailureReport(of: ready.map { users[$0.place] }, fallen: fallen, routing)?.send(by: context)
  }

  /// Nobody checks the routing of a user who fails before the search. So it is asked for once more: whose version has changed
  /// begins anew, and has not failed by the version that is theirs.
  private mutating func beginAnewWhereMoved(_ ready: [UserProgress], from routing: ReleaseRouting) async {
    let failed = ready.filter { user in
      let now = users[user.place]
      return now.failure.map(FailureReport.isReleases) ?? false && !now.isEncoded
    }
    // Where that cannot be heard, they have failed by the version that was theirs.
    guard !failed.isEmpty,
      let now = try? await routings.routing(of: context.request.target, context.scope, afresh: true)
    else { return }
    for user in failed
    where now.release(of: user.routingKey).version != routing.release(of: user.routingKey).version {
      users[user.place] = user.moved
    }
  }

  private static func run(_ ways: [Recommendation]) async -> [Recommendation] {
    await withTaskGroup(of: Recommendation.self) { group in
      for way in ways {
        group.addTask {
          var way = way
          await way.run()
          return way
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
  }

  private mutating func note(_ way: Recommendation) {
    timings.noteLongest(of: way.timings)
    for user in way.users {
      users[user.place] = user
      answered[user.place] = way
    }
  }

  /// What the stable version fails as well keeps the candidate's failure.
  ///
  /// - Returns: the candidate's failures that the stable version answers for, by the users' places.
  private mutating func fallBack(
    from places: [Int], _ routing: ReleaseRouting
  ) async -> [Int: UserProgress] {
    guard routing.message.fallbackToStable, let candidate = routing.candidate else { return [:] }
    let failed = places.map { users[$0] }.filter { $0.failure.map(FailureReport.isReleases) ?? false }
    guard !failed.isEmpty else { return [:] }
    let again = failed.map { asked[$0.place].again(as: $0, insteadOf: candidate) }
    var fallen: [Int: UserProgress] = [:]
    for way in await Self.run([Recommendation(of: again, by: routing.stable, context)]) {
      let kept = way.users.filter {
        $0.failure == nil || $0.failure?.reason == FailureReason.servingStateChanged.rawValue
      }
      for user in kept { fallen[user.place] = users[user.place] }
      note(way.with(kept))
    }
    return fallen
  }

  // MARK: The answer

  private var response: Recommender_RecommendResponse {
    let first = users.first { $0.servedBy != nil }
    let common = first?.servedBy
    return .with {
      $0.requestID = context.request.requestID
      $0.results = users.map {
        Recommender_UserRecommendations($0, metadata: answered[$0.place]?.metadata ?? [:], common: common)
      }
      let models = first.flatMap { answered[$0.place] } ?? answered.values.first
      if let model = models?.encoderModel { $0.encoderModel = model }
      if let model = models?.llmModel { $0.llmModel = model }
      if let common { $0.servedBy = common }
      $0.timings = timings
    }
  }
}

extension Recommendation {
  /// The same for other users.
  fileprivate func with(_ users: [UserProgress]) -> Recommendation {
    var other = self
    other.users = users
    return other
  }

  fileprivate func with(_ user: UserProgress) -> Recommendation { with([user]) }
}

extension UserProgress {
  /// At the beginning of the way, with the key that chooses the release.
  ///
  /// - Parameter commonKey: of the request, for users without an id; empty where the retrieval service makes one up.
  func routed(of request: Recommender_RecommendRequest, commonKey: String) -> UserProgress {
    var user = self
    // What the caller wants for all of them counts more.
    let own = request.target.routingKey.isEmpty ? history.userID : ""
    user.routingKey = own.isEmpty ? commonKey : own
    return user
  }

  /// At the beginning of another way: another version has become the user's.
  fileprivate var moved: UserProgress {
    var user = self
    user.fail(ServiceFailure(.servingStateChanged, "another version answers this user by now"))
    return user
  }

  /// At the beginning of the way by the stable release.
  fileprivate func again(as failed: UserProgress, insteadOf candidate: Release) -> UserProgress {
    var user = self
    user.routingKey = failed.routingKey
    user.fellBackFrom = candidate.version
    return user
  }
}

extension Recommender_StageTimings {
  /// Releases run side by side: what took longest is what the caller waited for.
  fileprivate mutating func noteLongest(of other: Self) {
    itemsMicros = max(itemsMicros, other.itemsMicros)
    usersMicros = max(usersMicros, other.usersMicros)
    searchMicros = max(searchMicros, other.searchMicros)
    metadataMicros = max(metadataMicros, other.metadataMicros)
  }
}
