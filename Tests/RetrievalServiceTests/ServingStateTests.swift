// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import RetrievalService
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@Suite("Versions and what serves, over RPC")
struct ServingStateTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test
  func `A version is promoted and rolled back, and a stale etag is refused`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(Catalog(count: 3))
      let second = try await server.publish(Catalog(count: 4))
      let before = try await server.admin.getServingState(.init()).servingState
      #expect(before.stableVersion == "default/versions/1" && before.previousStableVersion.isEmpty)
      let promoted = try await server.admin.promoteVersion(
        .with {
          $0.version = second.name
          $0.etag = before.etag
        }
      ).servingState
      #expect(promoted.stableVersion == second.name && promoted.previousStableVersion == "default/versions/1")
      #expect(promoted.generation == before.generation + 1 && promoted.etag != before.etag)
      #expect(try await server.admin.getVersion(.with { $0.name = second.name }).version.roles == [.stable])
      await expectFailure(.aborted, "ETAG_MISMATCH", mentioning: before.etag) {
        try await server.admin.rollbackVersion(.with { $0.etag = before.etag })
      }
      let back = try await server.admin.rollbackVersion(.with { $0.etag = promoted.etag }).servingState
      #expect(back.stableVersion == "default/versions/1" && back.previousStableVersion.isEmpty)
      await expectFailure(.failedPrecondition, "NOTHING_TO_ROLL_BACK") {
        try await server.admin.rollbackVersion(.init())
      }
      await expectFailure(.notFound, "VERSION_NOT_FOUND", mentioning: "default/versions/9") {
        try await server.admin.promoteVersion(.with { $0.version = "default/versions/9" })
      }
    }
  }

  @Test
  func `Versions are listed newest first, page by page`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      for _ in 0..<5 { try await server.publish(Catalog(count: 2)) }
      var names: [[String]] = []
      var token = ""
      repeat {
        let page = try await server.admin.listVersions(
          .with {
            $0.pageSize = 2
            $0.pageToken = token
          })
        names.append(page.versions.map(\.name))
        token = page.nextPageToken
      } while !token.isEmpty
      #expect(names == [[5, 4], [3, 2], [1]].map { $0.map { "default/versions/\($0)" } })
      await expectFailure(.invalidArgument, "PAGE_SIZE_INVALID") {
        try await server.admin.listVersions(.with { $0.pageSize = 1001 })
      }
      await expectFailure(.invalidArgument, "PAGE_SIZE_INVALID") {
        try await server.admin.listVersions(.with { $0.pageSize = -1 })
      }
      await expectFailure(.invalidArgument, "PAGE_TOKEN_INVALID") {
        try await server.admin.listVersions(.with { $0.pageToken = "x" })
      }
    }
  }

  @Test
  func `A version in use cannot be deleted`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(Catalog(count: 3))
      let second = try await server.publish(Catalog(count: 4)).name
      await expectFailure(.failedPrecondition, "VERSION_IN_USE", mentioning: "stable") {
        try await server.admin.deleteVersion(.with { $0.name = "default/versions/1" })
      }
      _ = try await server.admin.deleteVersion(.with { $0.name = second })
      await expectFailure(.notFound, "VERSION_NOT_FOUND") {
        try await server.admin.deleteVersion(.with { $0.name = second })
      }
      #expect(directory.entries("indexes/default/versions") == ["1"])
    }
  }

  @Test
  func `Under changing versions every answer is whole: all items are the named version's`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      for number in 1...3 { try await server.publish(Catalog(count: 500, prefix: "v\(number)")) }
      let searches = Searches()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<6 {
          group.addTask {
            while !searches.areDone.load(ordering: .relaxed) {
              let query = Pb.Query([1, 2, 3, 4], k: 50)
              let response = try await server.search(query, query)
              let version = response.servedBy.version
              let prefix = "v\(version.split(separator: "/")[2])-"
              #expect(response.results.allSatisfy { $0.items.count == 50 })
              #expect(response.results.flatMap(\.items).allSatisfy { $0.itemID.hasPrefix(prefix) })
              searches.versions.withLock { _ = $0.insert(version) }
            }
          }
        }
        // As many as it takes for each version to have answered.
        var change = 0
        while change < 60 || searches.versions.withLock(\.count) < 3 {
          if change % 4 == 3 {
            _ = try await server.admin.rollbackVersion(.init())
          } else {
            _ = try await server.admin.promoteVersion(.with { $0.version = "default/versions/\(change % 3 + 1)" })
          }
          change += 1
        }
        searches.areDone.store(true, ordering: .relaxed)
        try await group.waitForAll()
      }
      #expect(searches.versions.withLock(\.count) == 3)
    }
  }

  /// What the tasks of a test that searches all the time share.
  private final class Searches: Sendable {
    let areDone = Atomic(false)
    /// Those that answered.
    let versions = Mutex<Set<String>>([])
  }
}
