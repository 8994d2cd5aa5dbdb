// SPDX-License-Identifier: Apache-2.0

import CatalogProbe
import CatalogStore
import Foundation
import GRDB
import Items
import TestSupport
import Testing

/// A process killed at every disk operation of every change.
@Suite("An item store may be killed at every step", .enabled(if: probe.isBuilt, "build the product CatalogProbe first"))
struct KilledCatalogTests {
  private static let file = "items.sqlite"

  @Test(arguments: CatalogChange.allCases)
  func `The next start finds the state before or after, and the change can be made again`(
    change: CatalogChange
  ) async throws {
    let prepared = try TemporaryDirectory(inMemory: true)
    try change.prepare(prepared.file(Self.file))
    // To look at a file of the layout before is to take it over.
    let isOpenedByTheChange = [.creation, .migration].contains(change)
    let before = isOpenedByTheChange ? nil : try await state(of: prepared)
    let done = try TemporaryDirectory(inMemory: true)
    try prepared.copy(to: done)
    try change.perform(at: done.file(Self.file))
    let after = try await state(of: done)
    var kills = 0
    for operation in stride(from: 0, to: .max, by: CrashingProbe.stride) {
      let directory = try TemporaryDirectory(inMemory: true)
      try prepared.copy(to: directory)
      guard try kill(change, at: operation, in: directory) else { break }
      kills += 1
      let comment: Comment = "\(change) killed at operation \(operation)"
      if change == .migration { try expectOldOrNew(directory, comment) }
      let found = try await state(of: directory)
      #expect(found == after || found == before, comment)
      try change.perform(at: directory.file(Self.file))
      #expect(try await state(of: directory) == after, comment)
      #expect(directory.entries("").count { $0.contains("layout-1") } == (change == .migration ? 1 : 0), comment)
    }
    #expect(kills > 0)
  }

  /// The file as it was or as it will be, and a copy that is whole or not there.
  private func expectOldOrNew(_ directory: TemporaryDirectory, _ comment: Comment) throws {
    let copy = directory.file(Self.file + ".layout-1")
    let layout = try DatabaseQueue(path: directory.file(Self.file)).read { db in
      #expect(try String.fetchOne(db, sql: "PRAGMA integrity_check") == "ok", comment)
      return try Int.fetchOne(db, sql: "PRAGMA user_version")
    }
    #expect(layout == 1 || layout == 2, comment)
    guard FileManager.default.fileExists(atPath: copy) else {
      #expect(layout == 1, "\(comment): changed without a copy")
      return
    }
    // A copy of its own, so that to look at it does not change it.
    let looked = directory.file("looked-at")
    try FileManager.default.copyItem(atPath: copy, toPath: looked)
    let (count, problems) = try DatabaseQueue(path: looked).read { db in
      (
        try Int.fetchOne(db, sql: "SELECT count(*) FROM item"),
        try String.fetchAll(db, sql: "PRAGMA integrity_check")
      )
    }
    #expect(count == 40 && problems == ["ok"], comment)
  }

  /// Everything that is to be read, but for names that are made at random and times.
  private func state(of directory: TemporaryDirectory) async throws -> [String] {
    let store = try CatalogChange.open(directory.file(Self.file))
    let listing = try await store.listing()
    var lines = ["released \(listing.released ?? 0) by \(listing.release?.version ?? "nobody")"]
    for snapshot in listing.snapshots {
      lines.append("\(snapshot.number) \(snapshot.label) \(snapshot.itemCount) \(snapshot.fingerprint)")
    }
    for choice in listing.snapshots.map({ SnapshotChoice.number($0.number) }) + [.draft] {
      let items = try await store.view(of: choice).items(after: nil, limit: 1000)
      lines.append(
        "\(choice): " + items.map { "\($0.id) \($0.texts.title) \($0.image != nil)" }.joined(separator: ", "))
    }
    let problems = try await store.pool.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
    #expect(problems == ["ok"])
    try store.close()
    return lines
  }

  /// False when the change has fewer operations.
  private func kill(_ change: CatalogChange, at operation: Int, in directory: TemporaryDirectory) throws -> Bool {
    let end = try probe.run([directory.file(Self.file), change.rawValue, String(operation)])
    #expect(end == .killed || end == .exit(0), "\(change) at \(operation)")
    return end == .killed
  }
}

private let probe = CrashingProbe("CatalogProbe")
