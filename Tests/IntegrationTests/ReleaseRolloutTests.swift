// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import CLI

/// A rollout whose candidate has another training and other posters, over five processes.
@Suite("A retrained adaptor and a new catalog are rolled out as one release", .timeLimit(.minutes(60)))
struct ReleaseRolloutTests {
  private static let itemCount = 16
  private static let userCount = 60
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    try TestShop.writeTraining(to: directory.file("second"), seed: 1)
    for index in 0..<Self.itemCount { try directory.write(try TestShop.image(index), to: "images/\(index).jpg") }
    try write("items.jsonl", poster: { $0 }) { "item \($0)" }
    try write("shifted.jsonl", poster: { ($0 + 5) % Self.itemCount }) { "renamed \($0)" }
  }

  private func write(_ name: String, poster: (Int) -> Int, title: (Int) -> String) throws {
    let lines = (0..<Self.itemCount).map { item in
      #"{"item_id": "item-\#(item)", "title": "\#(title(item))", "image": "images/\#(poster(item)).jpg"}"#
    }
    try directory.write(lines.joined(separator: "\n") + "\n", to: name)
  }

  @discardableResult
  private func illmrec(_ arguments: [String], exit code: Int32 = 0) async throws -> String {
    let (exit, output) = try await runExecutable("illmrec", arguments)
    #expect(exit == .code(code), "illmrec \(arguments.joined(separator: " ")): \(output)")
    return output
  }

  /// Runs `body` on a stack with version 1, by the first training from snapshot 1, which is stable, and version 2, by the
  /// second training from snapshot 2.
  private func withTwoReleases(
    _ body: @escaping @Sendable (ServiceEndpoints, _ before: Answers) async throws -> Void
  ) async throws {
    var stack = try TestShop.stack()
    stack.trainings = directory.path
    let state = stack.state
    defer { try? FileManager.default.removeItem(atPath: state) }
    try await ServiceStack.run(stack) { endpoints in
      let (encoder, retrieval) = (["--encoder", endpoints.encoder], ["--retrieval", endpoints.retrieval])
      func encode(_ items: String) async throws {
        let files = ["--items", directory.file(items), "--images", directory.path]
        try await illmrec(["catalog", "encode", "--sync"] + files + encoder)
      }
      try await encode("items.jsonl")
      try await illmrec(["index", "publish"] + encoder + retrieval)
      let before = try await answers(endpoints)
      try await encode("shifted.jsonl")
      try await illmrec(["training", "load", "second", "--llm", endpoints.llm] + encoder)
      #expect(try await answers(endpoints) == before, "after encode and load")
      let published = try await illmrec(["index", "publish", "--training", "second"] + encoder + retrieval)
      #expect(published.contains("Published default/versions/2") && published.contains("snapshot 2 of the catalog"))
      #expect(try await answers(endpoints) == before, "after publish")
      try await body(endpoints, before)
    }
  }

  @Test func `Only the canary's users see the candidate, and a rollback restores every answer to the bit`() async throws
  {
    try await withTwoReleases { endpoints, before in
      let after = try await answers(endpoints, version: "default/versions/2")
      #expect(zip(before.users, after.users).allSatisfy { $0 != $1 }, "the candidate answers otherwise")
      let shadow = Retrieval_RolloutStage.with {
        $0.shadowPermille = 1000
        $0.minSamples = 20
        $0.manual = true
      }
      let half = Retrieval_RolloutStage.with {
        $0.canaryPermille = 500
        $0.manual = true
      }
      try await withAdmin(endpoints) { admin in
        _ = try await admin.startRollout(
          .with {
            $0.version = "default/versions/2"
            $0.plan.stages = [shadow, half]
          })
        // Nobody's answer changes while both are compared.
        #expect(try await answers(endpoints) == before, "shadow")
        try await waitUntil { try await compared(admin) >= 20 }
        _ = try await admin.advanceRollout(.init())
      }
      let mixed = try await answers(endpoints)
      let isNew = zip(mixed.users, after.users).map { $0 == $1 }
      let isOld = zip(mixed.users, before.users).map { $0 == $1 }
      #expect(zip(isNew, isOld).allSatisfy { $0 != $1 }, "each answer is one release's")
      #expect((10...50).contains(isNew.count { $0 }), "\(isNew.count { $0 }) of \(Self.userCount) are the canary's")
      #expect(try await answers(endpoints) == mixed, "the same users every time")

      try await illmrec(["index", "rollout", "rollback", "--retrieval", endpoints.retrieval])
      #expect(try await answers(endpoints) == before, "after the rollback")
      try await illmrec(["index", "promote", "2", "--retrieval", endpoints.retrieval])
      #expect(try await answers(endpoints) == after, "after the promotion")
      try await illmrec(["index", "rollback", "--retrieval", endpoints.retrieval])
      #expect(try await answers(endpoints) == before, "after going back")
    }
  }

  @Test func `No answer mixes two releases while versions are swapped`() async throws {
    let calls = ProcessInfo.processInfo.environment["ILLMREC_RELEASE_CALLS"].flatMap { Int($0) } ?? 300
    try await withTwoReleases { endpoints, before in
      let after = try await answers(endpoints, version: "default/versions/2")
      let (old, new) = (Set(before.users), Set(after.users))
      let (made, oldSeen, newSeen) = (Counter(), Counter(), Counter())
      // As many calls as asked for, and until both releases have answered: a routing is kept for longer than a version may stay.
      let goesOn = { @Sendable in made.value < calls || oldSeen.value == 0 || newSeen.value == 0 }
      try await withThrowingTaskGroup(of: (old: Int, new: Int, mixed: Int).self) { group in
        for caller in 0..<4 {
          group.addTask {
            var seen = (old: 0, new: 0, mixed: 0)
            try await withClient(target: endpoints.gateway ?? "") { client in
              var user = caller
              while goesOn() {
                made.increment()
                let answer = try await Self.answer(client.gateway, user, version: nil)
                user = (user + 7) % Self.userCount
                if old.contains(answer) {
                  seen.old += 1
                  oldSeen.increment()
                } else if new.contains(answer) {
                  seen.new += 1
                  newSeen.increment()
                } else {
                  seen.mixed += 1
                }
              }
            }
            return seen
          }
        }
        group.addTask {
          try await withClient(target: endpoints.retrieval) { client in
            let admin = IndexAdmin(wrapping: client)
            var version = 2
            while goesOn() {
              _ = try await admin.promoteVersion(.with { [version] in $0.version = "default/versions/\(version)" })
              version = 3 - version
              try await Task.sleep(for: .milliseconds(Int.random(in: 5...60)))
            }
          }
          return (0, 0, 0)
        }
        let seen = try await group.reduce(into: (old: 0, new: 0, mixed: 0)) { sum, part in
          sum = (sum.old + part.old, sum.new + part.new, sum.mixed + part.mixed)
        }
        #expect(seen.mixed == 0 && seen.old > 0 && seen.new > 0, "\(seen)")
      }
    }
  }

  // MARK: -

  /// What each user gets, but for times and what tells how it came about.
  struct Answers: Equatable, Sendable {
    var users: [Data] = []
  }

  private func answers(_ endpoints: ServiceEndpoints, version: String? = nil) async throws -> Answers {
    try await withClient(target: endpoints.gateway ?? "") { client in
      var answers = Answers()
      for user in 0..<Self.userCount {
        answers.users.append(try await Self.answer(client.gateway, user, version: version))
      }
      return answers
    }
  }

  private static func answer(
    _ gateway: Recommender_RecommenderService.Client<some ClientTransport>, _ user: Int, version: String?
  ) async throws -> Data {
    let response = try await gateway.recommend(
      .with {
        $0.k = 5
        if let version { $0.target.version = version }
        $0.users = [
          .with {
            $0.userID = "user-\(user)"
            $0.interactions = (0...user % 4).map { step in
              .with { $0.itemID = TestShop.itemID((user * 3 + step * 5) % Self.itemCount) }
            }
          }
        ]
      })
    var result = response.results[0]
    #expect(!result.hasError, "\(result.error.message)")
    result.clearServedBy()
    result.cachedTokens = 0
    result.outcomeToken = Data()
    // The user's own words are part of the answer: two users with the same history are told apart.
    return try result.serializedData()
  }

  private func compared(_ admin: IndexAdmin) async throws -> UInt64 {
    try await admin.getServingState(.init()).figures.compared
  }

  private func withAdmin(
    _ endpoints: ServiceEndpoints, _ body: @Sendable (IndexAdmin) async throws -> Void
  ) async throws {
    try await withClient(target: endpoints.retrieval) { try await body(IndexAdmin(wrapping: $0)) }
  }
}
