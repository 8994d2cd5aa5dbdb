// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import Rollouts
import TestSupport
import Testing
import VectorIndex

@Suite("Versions and what serves")
struct VersionStoreTests {
  let directory: TemporaryDirectory
  let searcher: Searcher
  let small = Catalog(count: 20, dim: 3, seed: 1)
  let large = Catalog(count: 50, dim: 3, seed: 2)

  init() throws {
    directory = try TemporaryDirectory(inMemory: true)
    searcher = Searcher(threads: 1)
  }

  func open() throws -> VersionStore { try VersionStore(path: directory.path) }

  @Test
  func `The first version becomes stable, later ones wait, and all survive a restart`() throws {
    do {
      let store = try open()
      let first = try store.publish(small, labels: ["run": "7"])
      #expect(first.info.name.description == "items/versions/1")
      #expect(first.roles == [.stable])
      #expect(try store.publish(large).roles == [])
      #expect(try store.resolve(index: "items").version.info.itemCount == 20)
    }
    let store = try open()
    #expect(store.findings.isEmpty)
    #expect(store.indexNames == ["items"])
    let versions = try store.versions(of: "items")
    #expect(versions.map(\.info.name.number) == [2, 1])
    #expect(versions.map(\.roles) == [[], [.stable]])
    #expect(versions[1].info.labels == ["run": "7"])
    #expect(versions[1].info.builtBy == VersionStore.trained)
    #expect(try store.servingState(of: "items").generation == 1)
    let pinned = try store.resolve(version: versions[0].info.name)
    #expect(pinned.role == .pinned)
    let query = SearchQuery(vector: [1, 2, 3], k: 5)
    #expect(try searcher.search([query], in: pinned.version)[0].get() == large.ranking(of: query))
  }

  @Test
  func `A full disk lets versions be deleted and taken back, and nothing new in`() throws {
    do {
      let disk = FullDisk()
      let store = try VersionStore(path: directory.path, faults: disk)
      let names = try (0..<3).map { _ in try store.publish(small).info.name }
      _ = try store.promote(names[1])
      disk.fill(until: directory.file("reserve"))
      #expect(try Self.code { try store.publish(large) } == .storageFull)
      #expect(try Self.code { try store.promote(names[2]) } == .storageFull)
      #expect(try store.rollBack(index: "items").stable == 1)
      try store.delete(names[2])
      try store.delete(names[1])
    }
    let store = try open()
    #expect(store.findings.isEmpty)
    #expect(try store.versions(of: "items").map(\.info.name.number) == [1])
  }

  @Test
  func `A full disk lets a rollout be paused and rolled back, by a person as by a gate`() throws {
    do {
      let disk = FullDisk()
      let store = try VersionStore(path: directory.path, faults: disk)
      let names = try (0..<2).map { _ in try store.publish(small).info.name }
      _ = try store.startRollout(of: names[1], plan: RolloutPlan(stages: [.init(canaryPermille: 500)]))
      disk.fill(until: directory.file("reserve"))
      #expect(try Self.code { try store.advanceRollout(of: "items") } == .storageFull)
      #expect(try store.pauseRollout(of: "items").rollout?.phase == .paused)
      #expect(try Self.code { try store.resumeRollout(of: "items") } == .storageFull)
      #expect(try store.rollBackRollout(of: "items").rollout?.phase == .rolledBack)
    }
    let store = try open()
    #expect(store.findings.isEmpty)
    #expect(try store.servingState(of: "items").rollout?.phase == .rolledBack)
    #expect(try store.auditEntries(of: "items").suffix(2).map(\.action) == [.rolloutPaused, .rolloutRolledBack])
  }

  @Test
  func `A promotion keeps the version before for a rollback, which goes back once`() throws {
    let store = try open()
    try store.publish(small)
    let second = try store.publish(large).info.name
    let promoted = try store.promote(second)
    #expect(promoted.stableVersion == second && promoted.previous == 1 && promoted.generation == 2)
    #expect(try store.version(VersionName(index: "items", number: 1)).roles == [.previous])
    #expect(try store.promote(second) == promoted, "promoting the stable version changes nothing")
    let back = try store.rollBack(index: "items")
    #expect(back.stable == 1 && back.previous == nil && back.generation == 3)
    #expect(throws: VectorIndexError.self) { try store.rollBack(index: "items") }
    #expect(try store.resolve(index: "items").generation == 3)
    #expect(try VersionStoreTests.code { try store.rollBack(index: "items") } == .nothingToRollBack)
  }

  @Test
  func `A change under another's etag is refused`() throws {
    let store = try open()
    try store.publish(small)
    let second = try store.publish(large).info.name
    let before = try store.servingState(of: "items").etag
    let after = try store.promote(second, ChangeRequest(etag: before)).etag
    #expect(after != before)
    #expect(try Self.code { try store.rollBack(index: "items", ChangeRequest(etag: before)) } == .etagMismatch)
    #expect(try store.servingState(of: "items").etag == after)
    #expect(try store.rollBack(index: "items", ChangeRequest(etag: after)).stable == 1)
  }

  @Test
  func `A version with a role cannot be deleted; the number of one without never comes back`() throws {
    let names = try {
      let store = try open()
      let names = try (0..<3).map { _ in try store.publish(small).info.name }
      _ = try store.promote(names[1])
      #expect(try Self.code { try store.delete(names[0]) } == .versionInUse)
      #expect(try Self.code { try store.delete(names[1]) } == .versionInUse)
      let held = try store.resolve(version: names[2]).version
      try store.delete(names[2])
      #expect(try Self.code { try store.delete(names[2]) } == .versionNotFound)
      let query = SearchQuery(vector: [1, 2, 3], k: 5)
      #expect(try searcher.search([query], in: held)[0].get() == small.ranking(of: query), "held versions stay")
      return names
    }()
    #expect(directory.entries("indexes/items/versions") == ["1", "2"])
    #expect(directory.entries("staging").isEmpty)
    let store = try open()
    #expect(store.findings.isEmpty)
    #expect(try store.publish(small).info.name.number == names[2].number + 1)
  }

  @Test
  func `A second upload under the same request id is the first one's version`() throws {
    let first = try open().publish(small, requestID: "upload-7")
    let store = try open()
    #expect(try store.publish(small, requestID: "upload-7").info == first.info)
    #expect(try Self.code { try store.publish(large, requestID: "upload-7") } == .requestReused)
    #expect(try store.publish(large, index: "other", requestID: "upload-7").info.name.index == "other")
    #expect(try store.versions(of: "items").count == 1)
    #expect(directory.entries("staging").isEmpty)
  }

  @Test(arguments: ["", "one"])
  func `Uploads at one time become versions of their own, or one under one request id`(requestID: String) async throws {
    let store = try open()
    let names = await withTaskGroup(of: VersionName?.self) { group in
      for number in 0..<6 {
        group.addTask {
          let catalog = Catalog(count: 20, dim: 3, seed: requestID.isEmpty ? UInt64(number) : 0)
          while true {
            do {
              return try store.publish(catalog, requestID: requestID).info.name
            } catch let error as VectorIndexError where error.code == .publishing {
              await Task.yield()
            } catch {
              return nil
            }
          }
        }
      }
      return await group.reduce(into: Set<VersionName?>()) { $0.insert($1) }
    }
    #expect(names.count == (requestID.isEmpty ? 6 : 1) && !names.contains(nil))
    let versions = try store.versions(of: "items")
    #expect(Set(versions.map { $0.info.name }) == names)
    #expect(versions.filter { $0.roles == [.stable] }.count == 1)
    #expect(directory.entries("staging").isEmpty)
  }

  @Test
  func `Unknown names are answered with the names there are`() throws {
    let store = try open()
    let none = #expect(throws: VectorIndexError.self) { try store.resolve(index: "items") }
    #expect(none?.code == .indexNotFound && none?.message.contains("none yet") == true)
    try store.publish(small, index: "shoes")
    try store.publish(small, index: "books")
    let other = #expect(throws: VectorIndexError.self) { try store.resolve(index: "items") }
    #expect(other?.message.contains("books, shoes") == true)
    let version = VersionName(index: "shoes", number: 9)
    let missing = #expect(throws: VectorIndexError.self) { try store.resolve(version: version) }
    #expect(missing?.code == .versionNotFound && missing?.message.contains("are 1") == true)
  }

  @Test(arguments: [
    "items", "items/versions/", "items/versions/01", "items/versions/0",
    "items/version/1", "items/versions/1/", "Items/versions/1", "items/versions/-1",
    "items/versions/99999999999999999999",
  ])
  func `Version names have one spelling`(text: String) throws {
    #expect(throws: VectorIndexError.self) { try VersionName(parsing: text) }
    #expect(try VersionName(parsing: "a.b-c_d/versions/12") == VersionName(index: "a.b-c_d", number: 12))
  }

  @Test(arguments: ["/", "a", "a/versions/", "a/versions/1"])
  func `A name that no version has is neither taken to pieces nor told back`(piece: String) throws {
    let text = String(repeating: piece, count: 1 << 20)
    let error = #expect(throws: VectorIndexError.self) { try VersionName(parsing: text) }
    #expect(error?.code == .invalidVersionName && error?.message.contains("of \(text.utf8.count) bytes") == true)
    let index = #expect(throws: VectorIndexError.self) { try VersionName.checkIndex(text) }
    #expect(index?.code == .invalidIndexName && (index?.message.utf8.count ?? .max) < 300)
    let longest = VersionName(index: String(repeating: "z", count: 64), number: .max)
    #expect(try VersionName(parsing: "\(longest)") == longest)
  }

  @Test
  func `One process at a time serves from a directory`() throws {
    let store = try open()
    #expect(try Self.code { _ = try open() } == .directoryInUse)
    #expect(store.indexNames.isEmpty)
  }

  static func code(_ body: () throws -> some Any) throws -> VectorIndexError.Code? {
    do {
      _ = try body()
      return nil
    } catch let error as VectorIndexError {
      return error.code
    }
  }
}
