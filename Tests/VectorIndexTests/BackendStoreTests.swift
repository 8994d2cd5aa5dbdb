// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import Foundation
import Rollouts
import TestSupport
import Testing
import VectorTestSupport

@testable import VectorIndex

@Suite("A store may have its vectors in a backend")
struct BackendStoreTests {
  let directory: TemporaryDirectory
  let backend = MemoryBackend()
  let catalog = Catalog(count: 30, dim: 3, seed: 4)
  let name = VersionName(index: "items", number: 1)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  func open(_ backend: MemoryBackend?) throws -> VersionStore {
    try VersionStore(path: directory.path, backend: backend)
  }

  private func ranking(_ store: VersionStore, _ query: SearchQuery) throws -> [String] {
    try Searcher(threads: 1).search([query], in: store.resolve(index: "items").version)[0].get().map(\.itemID)
  }

  @Test
  func `Ids and manifest lie on disk, vectors in one collection, and a restart finds them`() throws {
    let query = SearchQuery(
      vector: [1, -2, 3], k: 40, excludedItems: ["item-3", "unknown"], includedItems: [])
    let narrow = SearchQuery(vector: [1, -2, 3], k: 5, excludedItems: ["item-4"], includedItems: ["item-4", "item-9"])
    do {
      let store = try open(backend)
      #expect(try store.publish(catalog).roles == [.stable])
    }
    #expect(backend.names.count == 1 && backend.names[0].hasPrefix("illmrec_"))
    #expect(directory.entries("indexes/items/versions/1") == ["ids.offsets.u64", "ids.utf8", "manifest.json"])
    #expect(directory.entries("backend/pending").isEmpty)
    let store = try open(backend)
    #expect(store.findings.isEmpty)
    #expect(try ranking(store, query) == catalog.ranking(of: query).map(\.itemID))
    #expect(try ranking(store, narrow) == ["item-9"])
    let verified = try store.verify(name)
    #expect(verified.bytes > 30 * 3 * 4)
  }

  @Test
  func `Answers of a backend that forgets a query are given to none, and errors keep their places`() async throws {
    let store = try open(backend)
    try store.publish(catalog)
    let version = try store.resolve(index: "items").version
    let remote = try #require(version.remote)
    let vectors: [[Float]] = [[1, -2, 3], [1], [3, 2, 1], [.nan, 0, 0]]
    let queries = vectors.map { SearchQuery(vector: $0, k: 2) }
    let searched = try Searcher(threads: 1).search(queries, in: version)
    for found in [searched, try await remote.search(queries)] {
      #expect(found.map { (try? $0.get())?.count } == [2, nil, 2, nil])
      #expect(throws: VectorIndexError.self) { try found[1].get() }
    }
    backend.setForgetsAnAnswer(true)
    let error = #expect(throws: VectorIndexError.self) { try Searcher(threads: 1).search(queries, in: version) }
    #expect(error?.code == .backendFailed && error?.message.contains("1 queries when it was asked 2") == true)
    await #expect(throws: VectorIndexError.self) { try await remote.search(queries) }
  }

  @Test
  func `Equal contents have equal fingerprints, wherever the vectors are`() throws {
    let other = try TemporaryDirectory(inMemory: true)
    let local = try VersionStore(path: other.path).publish(catalog)
    #expect(try open(backend).publish(catalog).info.fingerprint == local.info.fingerprint)
  }

  @Test
  func `What breaks at any disk operation leaves a version or nothing, and no stray collection`() throws {
    let count = try operations()
    #expect(count > 10)
    for mode in FaultyDisk.Mode.allCases {
      for at in 0..<count { try breakOnce(mode, at: at) }
    }
  }

  private func operations() throws -> Int {
    let directory = try TemporaryDirectory(inMemory: true)
    let disk = FaultyDisk()
    let store = try VersionStore(path: directory.path, backend: MemoryBackend(), faults: disk)
    disk.disarm()
    try store.publish(catalog)
    return disk.steps.count
  }

  private func breakOnce(_ mode: FaultyDisk.Mode, at: Int) throws {
    let comment: Comment = "\(mode) at operation \(at)"
    let directory = try TemporaryDirectory(inMemory: true)
    let disk = FaultyDisk()
    let backend = MemoryBackend { disk.hasCrashed }
    do {
      let store = try VersionStore(path: directory.path, backend: backend, faults: disk)
      disk.arm(mode, at: at)
      _ = try? store.publish(catalog)
      disk.disarm()
    }
    let again = MemoryBackend(restarting: backend)
    let store = try VersionStore(path: directory.path, backend: again)
    #expect(store.findings.allSatisfy { $0.severity != .error }, "\(comment): \(store.findings)")
    let versions = (try? store.versions(of: "items")) ?? []
    #expect(again.names.count == versions.count, "\(comment): \(again.names), \(store.findings)")
    #expect(directory.entries("backend/pending").isEmpty, comment)
    for version in versions { _ = try store.verify(version.info.name) }
    try store.publish(catalog)
    #expect(again.names.count == versions.count + 1, comment)
  }

  @Test
  func `A backend that fails publishes nothing, and what it left goes at the next start`() throws {
    do {
      let store = try open(backend)
      backend.setRefusesRows(true)
      #expect(throws: VectorIndexError.self) { try store.publish(catalog) }
      #expect(backend.names.isEmpty && directory.entries("staging").isEmpty)
      backend.setRefusesRows(false)
      // Made, and then the backend went away: it cannot be taken back.
      backend.setDown(true)
      #expect(throws: VectorIndexError.self) { try store.publish(catalog) }
      backend.setDown(false)
      let left = try #require(directory.entries("backend/pending").first)
      backend.edit(left) { $0 = MemoryBackend.Collection(rows: []) }
    }
    let store = try open(backend)
    #expect(backend.names.isEmpty && directory.entries("backend/pending").isEmpty)
    guard case .leftoverRemoved = try #require(store.findings.first) else {
      Issue.record("\(store.findings)")
      return
    }
  }

  @Test
  func `A deleted version's collection goes when the last search has let go of it`() async throws {
    let store = try open(backend)
    try store.publish(catalog)
    try store.publish(catalog)
    let second = VersionName(index: "items", number: 2)
    try await hold(second, in: store) {
      try store.delete(second)
      #expect(backend.names.count == 2)
    }
    try await waitUntil { backend.names.count <= 1 }
    try await waitUntil { directory.entries("backend/pending").isEmpty }
  }

  private func hold(_ name: VersionName, in store: VersionStore, _ body: () throws -> Void) async throws {
    let version = try store.resolve(version: name).version
    try body()
    let found = try await #require(version.remote).search([SearchQuery(vector: [1, 2, 3], k: 4)])
    #expect(try found[0].get().count == 4)
  }

  @Test
  func `A start without the backend is refused and changes no role`() throws {
    try VersionStore(path: directory.path).publish(catalog)
    do {
      let store = try open(backend)
      #expect(try store.resolve(index: "items").version.info.name == name)
      let second = try store.publish(Catalog(count: 20, dim: 3, seed: 9)).info.name
      _ = try store.promote(second)
    }
    let serving = try directory.read("indexes/items/serving.json")
    let error = #expect(throws: VectorIndexError.self) { try open(nil) }
    #expect(error?.code == .backendMissing && error?.message.contains("--milvus-address") == true)
    #expect(try directory.read("indexes/items/serving.json") == serving)
    let store = try open(backend)
    #expect(try store.rollBack(index: "items").stable == 1)
    let query = SearchQuery(vector: [1, 2, 3], k: 30)
    #expect(try ranking(store, query) == catalog.ranking(of: query).map(\.itemID))
  }

  @Test
  func `A backend that cannot be asked at start is told of, and answers once it is back`() throws {
    do { try open(backend).publish(catalog) }
    backend.setDown(true)
    let store = try open(backend)
    #expect(store.findings.map(\.severity) == [.error])
    #expect(try store.version(name).roles == [.stable])
    let query = SearchQuery(vector: [1, 2, 3], k: 3)
    #expect(throws: VectorIndexError.self) { try ranking(store, query) }
    backend.setDown(false)
    #expect(try ranking(store, query) == catalog.ranking(of: query).map(\.itemID))
  }

  @Test
  func `Rows that were changed, lost or dropped are found by verify, and at start`() throws {
    let store = try open(backend)
    try store.publish(catalog)
    let collection = backend.names[0]
    let edits: [@Sendable (inout MemoryBackend.Collection?) -> Void] = [
      { $0?.rows[7][1] += 0.5 }, { _ = $0?.rows.popLast() }, { $0 = nil },
    ]
    for edit in edits {
      backend.edit(collection, edit)
      let error = #expect(throws: VectorIndexError.self) { try store.verify(name) }
      #expect(error?.code == .corrupt)
    }
  }

  @Test
  func `Collections of others are not touched, and unexplained ones are told of`() throws {
    do { try open(backend).publish(catalog) }
    let stray = backend.names[0] + "x"
    for name in [stray, "theirs", "illmrec_0123456789abcdef_items_v1_0"] {
      backend.edit(name) { $0 = MemoryBackend.Collection(rows: []) }
    }
    let store = try open(backend)
    #expect(store.findings == [.unknownCollection(name: stray, backend: backend.name)])
    #expect(backend.names.count == 4)
  }

  @Test
  func `Vectors that it does not take are refused before anything is sent`() throws {
    let store = try open(backend)
    let header = UploadHeader(index: "items", builtBy: VersionStore.trained, dim: 17)
    let error = #expect(throws: VectorIndexError.self) { try store.beginUpload(header) }
    #expect(error?.code == .invalidHeader && error?.message.contains("2 to 16") == true)
  }

  @Test
  func `Versions are compared across both places`() throws {
    try VersionStore(path: directory.path).publish(catalog)
    let store = try open(backend)
    let second = try store.publish(catalog).info.name
    let versions = try [name, second].map { try store.resolve(version: $0).version }
    for (baseline, candidate) in [(0, 1), (1, 0)] {
      let comparison = try VersionComparison(
        baseline: versions[baseline], candidate: versions[candidate], queryCount: 10, k: 5)
      #expect(comparison.overlap.mean == 1 && comparison.onlyInBaseline == 0 && comparison.overlap.count == 10)
    }
  }

  @Test
  func `Categories limit searches as they do on disk`() throws {
    let store = try open(backend).publishing(catalog) { $0 % 3 == 0 ? ["a", "b"] : ["b"] }
    let query = SearchQuery(vector: [1, -2, 3], k: 40, includedCategories: ["a"])
    let rest = SearchQuery(vector: [1, -2, 3], k: 40, excludedCategories: ["a"])
    let inA = Set(catalog.ids.indices.filter { $0 % 3 == 0 }.map { catalog.ids[$0] })
    let all = catalog.ranking(of: SearchQuery(vector: [1, -2, 3], k: 40)).map(\.itemID)
    #expect(try ranking(store, query) == all.filter { inA.contains($0) })
    #expect(try ranking(store, rest) == all.filter { !inA.contains($0) })
    #expect(try store.verify(name).bytes > 0)
  }
}

extension VersionStore {
  /// Publishes a catalog whose items have categories, by their places, and returns the store.
  fileprivate func publishing(_ catalog: Catalog, _ categories: (Int) -> [String]) throws -> VersionStore {
    let upload = try beginUpload(UploadHeader(index: "items", builtBy: Self.trained, dim: catalog.dim))
    try upload.append(
      itemIDs: catalog.ids, values: catalog.values, categories: catalog.ids.indices.map(categories))
    _ = try publish(upload, expectedItems: UInt64(catalog.ids.count))
    return self
  }
}
