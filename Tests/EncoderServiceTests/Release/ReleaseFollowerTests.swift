// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import GRPCCore
import Items
import Logging
import ServiceAPI
import ServiceTestSupport
import TestSupport
import Testing

@testable import EncoderService

@Suite("The encoder reads what the index answers from", .timeLimit(.minutes(60))) struct ReleaseFollowerTests {
  private let directory: TemporaryDirectory
  private let store: ItemStore
  private let index = SmallIndex()

  /// Three snapshots, told apart by the title of their item.
  init() throws {
    directory = try TemporaryDirectory()
    store = try ItemStore(
      path: directory.file("items.sqlite"), tower: "tower", embeddingDim: 2, followedIndex: "default")
    for number in 1...3 {
      try store.put([CatalogEntry(id: "a", texts: .init(title: "\(number)"))])
      _ = try store.commit()
    }
  }

  private func version(_ number: Int, snapshot: UInt64) -> Retrieval_Version {
    SmallIndex.version(number, snapshot: snapshot, of: store.catalogID)
  }

  private func title() async throws -> String? {
    try await store.items(named: ["a"], readsVectors: false).items[0]?.texts.title
  }

  private func following(
    retention: Duration = .seconds(3600), inUse: SnapshotsInUse = SnapshotsInUse(),
    _ body: () async throws -> Void
  ) async throws {
    try await withServicesInProcess([index]) { client in
      let follower = ReleaseFollower(
        store: store, followed: FollowedIndex(target: "index", index: "default", retention: retention), client: client,
        inUse: inUse, logger: .silent, pause: (retry: .milliseconds(5), look: .milliseconds(5)))
      let task = Task { try await follower.run() }
      defer { task.cancel() }
      try await body()
      task.cancel()
      _ = await task.result
    }
  }

  @Test func `A promotion and a rollback change what is read`() async throws {
    let versions = [version(1, snapshot: 1), version(2, snapshot: 2)]
    index.set(stable: "default/versions/1", versions)
    #expect(try await title() == "3", "nothing was heard yet")
    try await following {
      try await waitUntil { try await title() == "1" }
      #expect(try await store.overview().release?.version == "default/versions/1")
      index.set(stable: "default/versions/2", versions)
      try await waitUntil { try await title() == "2" }
      index.set(stable: "default/versions/1", versions)
      try await waitUntil { try await title() == "1" }
    }
  }

  @Test func `An index without versions leaves the newest, and is followed once it has one`() async throws {
    try await following {
      try await Task.sleep(for: .milliseconds(50))
      #expect(try await title() == "3")
      index.set(stable: "default/versions/1", [version(1, snapshot: 2)])
      try await waitUntil { try await title() == "2" }
    }
  }

  @Test func `A version of another store's items is refused by name, until one of this store's is stable again`()
    async throws
  {
    let versions = [version(1, snapshot: 1), SmallIndex.version(2, snapshot: 1, of: "another")]
    index.set(stable: "default/versions/1", versions)
    try await following {
      try await waitUntil { try await title() == "1" }
      index.set(stable: "default/versions/2", versions)
      try await waitUntil { try await store.overview().release?.otherCatalog == "another" }
      let error = await #expect(throws: StoreError.self) { try await title() }
      #expect(error?.code == .releaseForeign)
      index.set(stable: "default/versions/1", versions)
      try await waitUntil { (try? await title()) == "1" }
    }
  }

  @Test func `A version that does not tell what it was built from leaves the newest`() async throws {
    index.set(stable: "default/versions/1", [version(1, snapshot: 1), SmallIndex.version(2)])
    try await following {
      try await waitUntil { try await title() == "1" }
      index.set(stable: "default/versions/2", [SmallIndex.version(2)])
      try await waitUntil { try await title() == "3" }
    }
  }

  @Test func `Snapshots that no version names are dropped, but not before their time`() async throws {
    index.set(stable: "default/versions/1", [version(1, snapshot: 2)])
    try await following {
      try await waitUntil { try await title() == "2" }
      try await Task.sleep(for: .milliseconds(50))
      #expect(try await store.listing().snapshots.count == 3)
    }
    try await following(retention: .milliseconds(30)) {
      try await waitUntil { try await store.listing().snapshots.map(\.number) == [3, 2] }
      try await Task.sleep(for: .milliseconds(50))
      #expect(try await store.listing().snapshots.map(\.number) == [3, 2], "the newest and the served one stay")
    }
  }

  @Test func `What a version names is in use, and so is what was exported a moment ago`() async throws {
    let inUse = SnapshotsInUse()
    index.set(stable: "default/versions/2", [version(1, snapshot: 1), version(2, snapshot: 2)])
    try await following(inUse: inUse) { try await waitUntil { inUse.contains(1) } }
    #expect(inUse.contains(2) && !inUse.contains(3))
    inUse.note(exported: 3)
    #expect(inUse.contains(3))
  }

  @Test func `A snapshot is exported or dropped, never both at a time`() {
    let inUse = SnapshotsInUse()
    inUse.note(named: [1])
    #expect(!inUse.retire(1), "a version names it")
    #expect(inUse.note(exported: 2) && !inUse.retire(2), "a version of it may be in the making")
    #expect(inUse.retire(3) && !inUse.note(exported: 3), "no version may be made of it any more")
    inUse.putBack([3])
    #expect(inUse.note(exported: 3) && !inUse.retire(3))
  }

  @Test func `A snapshot that is being published is not dropped`() async throws {
    let inUse = SnapshotsInUse()
    index.set(stable: "default/versions/1", [version(1, snapshot: 2)])
    inUse.note(exported: 1)
    try await following(retention: .seconds(3600), inUse: inUse) {
      try await waitUntil { try await title() == "2" }
      #expect(inUse.exported(since: .now - .seconds(3600)) == [1])
      #expect(inUse.exported(since: .now).isEmpty)
    }
  }

  @Test func `What is unnamed is counted in time that nobody sets`() {
    var unnamed = UnnamedSnapshots()
    let start = ContinuousClock.now
    func due(_ seconds: Int, named: Set<Int>) -> Set<Int> {
      unnamed.due(of: [1, 2, 3], named: named, now: start + .seconds(seconds), after: .seconds(100))
    }
    #expect(due(0, named: [1, 2]).isEmpty)
    #expect(due(99, named: [1]).isEmpty)
    #expect(due(100, named: [1]) == [3])
    #expect(due(150, named: [1, 3]).isEmpty, "named again, its time begins anew")
    #expect(due(199, named: [1]) == [2])
    #expect(due(249, named: [1]) == [2])
    #expect(due(299, named: [1]) == [2, 3])
  }
}
