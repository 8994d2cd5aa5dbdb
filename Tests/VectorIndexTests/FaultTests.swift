// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import TestSupport
import Testing
import VectorIndex

/// Everything that changes the store, broken at every disk operation it makes.
@Suite("Every disk operation may fail")
struct FaultTests {
  typealias Change = StoreChange

  @Test(
    arguments: Change.allCases,
    FaultyDisk.Mode.allCases)
  func `A fault leaves the state before or the state after, and a second try succeeds`(
    change: Change, mode: FaultyDisk.Mode
  ) throws {
    let prepared = try TemporaryDirectory(inMemory: true)
    try change.prepare(VersionStore(path: prepared.path))
    let rehearsal = try Rehearsal(of: change, in: prepared)
    #expect(rehearsal.steps.count > 3)
    #expect(rehearsal.before != rehearsal.after)
    for at in rehearsal.steps.indices {
      let directory = try TemporaryDirectory(inMemory: true)
      try prepared.copy(to: directory)
      try breakOnce(change, mode, at: at, in: directory, rehearsal)
    }
  }

  @Test
  func `The steps that have a name are all met by some change`() throws {
    var met: Set<StorageStep> = []
    for change in Change.allCases {
      let prepared = try TemporaryDirectory(inMemory: true)
      try change.prepare(VersionStore(path: prepared.path))
      met.formUnion(try Rehearsal(of: change, in: prepared).steps)
    }
    // Moving aside what is broken belongs to the start, collections to stores with a backend.
    #expect(Set(StorageStep.allCases).subtracting(met) == [.quarantineVersion, .noteCollection])
  }

  /// Breaks the operation number `at` of the change, looks at what still serves, then starts again from the disk.
  private func breakOnce(
    _ change: Change, _ mode: FaultyDisk.Mode, at: Int, in directory: TemporaryDirectory, _ rehearsal: Rehearsal
  ) throws {
    let comment: Comment = "\(change), \(mode) at operation \(at), \(rehearsal.steps[at])"
    let disk = FaultyDisk()
    do {
      let store = try VersionStore(path: directory.path, faults: disk)
      disk.arm(mode, at: at)
      do {
        try change.perform(on: store)
      } catch let error as VectorIndexError {
        #expect([.storageFull, .storageFailed].contains(error.code), comment)
        #expect(error.message.contains(directory.path), "\(comment): \(error.message)")
      }
      disk.disarm()
      let state = try Change.state(of: store)
      #expect([rehearsal.before, rehearsal.after].contains(state), "\(comment): \(state)")
      try Self.expectWhole(store, comment)
      if mode != .crashes {
        try change.perform(on: store)
        #expect(try Change.state(of: store) == rehearsal.after, comment)
      }
    }
    let store = try VersionStore(path: directory.path)
    #expect(store.findings.allSatisfy { $0.severity != .error }, "\(comment): \(store.findings)")
    #expect([rehearsal.before, rehearsal.after].contains(try Change.state(of: store)), comment)
    #expect(directory.entries("staging").isEmpty && directory.entries("quarantine").isEmpty, comment)
    try Self.expectWhole(store, comment)
    try change.perform(on: store)
    #expect(try Change.state(of: store) == rehearsal.after, comment)
    try Self.expectWhole(store, comment)
    try Self.expectAudited(store, rehearsal, comment)
  }

  /// Whatever broke, the log tells every change once and in order.
  private static func expectAudited(_ store: VersionStore, _ rehearsal: Rehearsal, _ comment: Comment) throws {
    for index in store.indexNames {
      let entries = try store.auditEntries(of: index)
      #expect(entries.map(\.number) == (1...UInt64(entries.count)).map(\.self), comment)
      #expect(entries.last?.generation == (try store.servingState(of: index).generation), comment)
      let known = entries.map { "\($0.action)" }
      // A publication that broke after its version was in place is told by the version itself, not by the log.
      let expected = rehearsal.actions.filter { $0 != "published" }
      #expect(known.filter { $0 != "published" && $0 != "recovered" } == expected, comment)
    }
  }

  /// The change once without faults.
  private struct Rehearsal {
    let before: [String]
    let after: [String]
    let steps: [StorageStep]
    /// What the audit log tells afterwards.
    let actions: [String]

    init(of change: Change, in prepared: TemporaryDirectory) throws {
      let directory = try TemporaryDirectory(inMemory: true)
      try prepared.copy(to: directory)
      let disk = FaultyDisk()
      let store = try VersionStore(path: directory.path, faults: disk)
      before = try Change.state(of: store)
      disk.disarm()
      try change.perform(on: store)
      steps = disk.steps
      after = try Change.state(of: store)
      actions = try store.indexNames.flatMap { try store.auditEntries(of: $0).map { "\($0.action)" } }
      try expectWhole(store, "\(change) without faults")
    }
  }

  /// Every version answers with exactly its catalog, and the stable one is the serving state's.
  static func expectWhole(_ store: VersionStore, _ comment: Comment) throws {
    let searcher = Searcher(threads: 1)
    for index in store.indexNames {
      for listed in try store.versions(of: index) {
        let catalog = Change.catalogs.first { $0.ids.count == listed.info.itemCount }
        let query = SearchQuery(vector: [0.3, -1, 0.7], k: 30)
        let found = try searcher.search([query], in: store.resolve(version: listed.info.name).version)[0].get()
        #expect(found == catalog?.ranking(of: query), comment)
      }
      guard let stable = try store.servingState(of: index).stableVersion else { continue }
      #expect(try store.resolve(index: index).version.info.name == stable, comment)
    }
  }
}
