// SPDX-License-Identifier: Apache-2.0

import Basics
import Datasets
import Evaluation
import Foundation
import GRPCCore
import Recommender
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// Every user's target ranked by what the services recommend: a few requests of a few users under way at a time.
///
/// Among negatives, these and the target are all that may be recommended, so that every one of them gets its score. Of the
/// catalog the services name the best `k`, what the user has met left out; a target that is not among them has the last place.
struct ServiceRanking: Sendable {
  private let task: RankingTask
  private let training: ServedTraining
  private let catalog: ServedCatalog
  private let recommender: RecommenderServer
  private let usersPerRequest: Int
  private let requestsAtOnce: Int
  /// Names the requests; prompts of other runs are not shared.
  private let run = "evaluate-\(UUID().uuidString)"
  private let route: String

  /// How often a request is made again that a service had no room for.
  private static let attempts = 30

  /// What became of one user.
  private struct Answer: Sendable {
    let place: Int
    let query: RankingQuery
    let scores: [Float]
    let promptTokens: Int
    /// Whether the services refused the user, since the newest item alone is too long.
    var isTooLong = false
  }

  init(
    task: RankingTask, targets: ServiceClients, training: ServedTraining, catalog: ServedCatalog, usersPerRequest: Int,
    requestsAtOnce: Int
  ) {
    self.task = task
    self.training = training
    self.catalog = catalog
    self.usersPerRequest = usersPerRequest
    self.requestsAtOnce = requestsAtOnce
    var limits = RecommenderLimits()
    limits.maxUsers = .max
    limits.maxInteractions = .max
    limits.maxK = .max
    recommender = RecommenderServer(services: targets, limits: limits)
    route = "encoder \(targets.encoderTarget), LLM \(targets.llmTarget), retrieval \(targets.retrievalTarget)"
  }

  func report() async throws -> MethodReport {
    let bar = ProgressBar("services", total: task.users.count, unit: "users")
    defer { bar.finish() }
    var tally = RankTally(task, method: "services")
    var (done, tokens, tooLong) = (0, 0, 0)
    var portions = Array(task.users.indices).portions(maxCount: usersPerRequest).makeIterator()
    let begin = ContinuousClock.now
    try await withThrowingTaskGroup(of: [Answer].self) { group in
      for _ in 0..<requestsAtOnce {
        if let portion = portions.next() { group.addTask { try await answers(for: portion) } }
      }
      while let answers = try await group.next() {
        if let portion = portions.next() { group.addTask { try await self.answers(for: portion) } }
        for answer in answers {
          try tally.add(answer.scores, of: answer.query, at: answer.place)
          tokens += answer.promptTokens
          tooLong += answer.isTooLong ? 1 : 0
        }
        done += answers.count
        bar.update(completed: done)
      }
    }
    let result = tally.result(scoringTime: begin.duration(to: .now), tokens: tokens)
    return MethodReport(
      name: "services", note: note(unnamed: tally.unnamed - tooLong, tooLong: tooLong), results: [result])
  }

  // MARK: One request

  /// The answers for some of the task's users.
  private func answers(for places: ArraySlice<Int>) async throws -> [Answer] {
    let queries = places.map { (place: $0, query: task.query(of: task.users[$0])) }
    // Of a user without images nothing is known: all items score the same.
    let told = queries.filter { !interactions(of: $0.query).isEmpty }
    let untold = queries.filter { interactions(of: $0.query).isEmpty }
    var answers = untold.map {
      Answer(place: $0.place, query: $0.query, scores: $0.query.candidates.map { _ in 0 }, promptTokens: 0)
    }
    guard !told.isEmpty else { return answers }
    let results = try await recommend(try request(for: told.map(\.query), from: places.startIndex))
    for (user, result) in zip(told, results) {
      guard result.error.reason != FailureReason.promptTooLong.rawValue else {
        answers.append(
          Answer(
            place: user.place, query: user.query, scores: user.query.candidates.map { _ in -.infinity },
            promptTokens: 0,
            isTooLong: true))
        continue
      }
      guard !result.hasError else {
        throw CLIError(.service, "user \(result.userID): \(result.error.reason): \(result.error.message)")
      }
      answers.append(
        Answer(
          place: user.place, query: user.query, scores: scores(of: user.query, result.items),
          promptTokens: Int(result.promptTokens)))
    }
    return answers
  }

  /// The newest items of a history that have an image, as many as the LLM service reads.
  private func interactions(of query: RankingQuery) -> ArraySlice<Int> {
    query.history.filter { catalog.isShown[$0] }.suffix(Int(training.llm.limits.maxHistoryItems))
  }

  private func request(
    for queries: [RankingQuery], from place: Int
  ) throws(CLIError) -> Recommender_RecommendRequest {
    let most = queries.map(\.candidates.count).max() ?? 1
    guard task.candidates == .catalog || most <= training.maxK else {
      throw CLIError(
        .service,
        "a user has \(most) candidates and the retrieval service names \(training.maxK.counted("item")); start it with "
          + "--max-k \(most)")
    }
    return .with {
      $0.requestID = "\(run)-\(place)"
      $0.cacheScope = run
      $0.target.version = training.version
      $0.k = UInt32(task.candidates == .negatives ? most : training.maxK)
      // What was met is left out by the users' own lists: the target stays in, though it may have been met before.
      $0.includeHistory = true
      $0.users = queries.map(user)
    }
  }

  private func user(_ query: RankingQuery) -> Recommender_UserHistory {
    .with {
      $0.userID = task.dataset.users[query.user].id
      $0.interactions = interactions(of: query).map { item in .with { $0.itemID = catalog.ids[item] } }
      switch task.candidates {
      case .negatives: $0.includeItemIds = query.candidates.map { catalog.ids[$0] }
      case .catalog:
        $0.excludeItemIds = Set(query.history).subtracting(query.candidates).sorted().map { catalog.ids[$0] }
      }
    }
  }

  private func recommend(
    _ request: Recommender_RecommendRequest
  ) async throws -> [Recommender_UserRecommendations] {
    var attempt = 1
    while true {
      do {
        return try await recommender.recommend(request, deadline: nil, withMetadata: false, catalog: training.catalog)
          .results
      } catch let failure as ServiceFailure {
        guard failure.code == .resourceExhausted, let delay = failure.retryAfter, attempt < Self.attempts else {
          throw CLIError(.service, "\(failure)", cause: failure)
        }
        attempt += 1
        try await Task.sleep(for: delay)
      }
    }
  }

  /// Minus infinity for what is not in the list.
  private func scores(of query: RankingQuery, _ items: [Recommender_RecommendedItem]) -> [Float] {
    let listed = Dictionary(
      items.map { (Identifier($0.itemID), $0.score) }, uniquingKeysWith: { first, _ in first })
    return query.candidates.map { listed[Identifier(catalog.ids[$0])] ?? -.infinity }
  }

  // MARK: How it was made

  private func note(unnamed: Int, tooLong: Int) -> String {
    let model = training.llm.model
    let name = [model.name, model.version].filter { !$0.isEmpty }.joined(separator: " ")
    var parts = [
      route, "\(name), fingerprint \(model.fingerprint.prefix(12)), \(training.llm.arithmetic.precision)",
      training.version, "newest \(training.llm.limits.maxHistoryItems) items",
      "\(requestsAtOnce) requests of \(usersPerRequest) users at once",
    ]
    if training.llm.hasPrefixCache { parts.append("the LLM's prefix cache on: s/100 users has its savings in it") }
    if task.candidates == .catalog {
      parts.append(
        "lists of \(training.maxK.grouped), \(unnamed.counted("target")) not in them and counted as last")
    } else if unnamed > 0 {
      parts.append("\(unnamed.counted("target")) not in the index and counted as last")
    }
    if tooLong > 0 {
      parts.append("\(tooLong.counted("user")) refused, since their newest item alone is too long, and counted as last")
    }
    if catalog.missing > 0 { parts.append("\(catalog.missing.counted("item")) not in the index") }
    if catalog.otherTitles > 0 {
      parts.append("\(catalog.otherTitles.counted("item")) with another title in the catalog")
    }
    return parts.joined(separator: "; ")
  }
}
