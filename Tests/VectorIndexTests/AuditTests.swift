// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import Foundation
import Rollouts
import TestSupport
import Testing
import VectorIndex

@Suite("The audit log tells what was done")
struct AuditTests {
  let directory: TemporaryDirectory
  let log = "indexes/items/audit.jsonl"

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  private func prepared() throws -> VersionStore {
    let store = try VersionStore(path: directory.path)
    for seed in 1...2 { try store.publish(Catalog(count: 5, dim: 3, seed: UInt64(seed))) }
    return store
  }

  @Test
  func `The log tells who did what and why, across restarts`() throws {
    do {
      let store = try prepared()
      let request = ChangeRequest(actor: "ann@laptop", reason: "better covers", requestID: "r-1")
      _ = try store.promote(VersionName(index: "items", number: 2), request)
    }
    let store = try VersionStore(path: directory.path)
    #expect(store.findings.isEmpty)
    _ = try store.rollBack(index: "items", ChangeRequest(actor: "bob", reason: "they are not"))
    let entries = try store.auditEntries(of: "items")
    #expect(entries.map(\.action) == [.published, .published, .promoted, .rolledBack])
    #expect(entries.map(\.number) == [1, 2, 3, 4] && entries.map(\.generation) == [1, 1, 2, 3])
    #expect(entries[2].actor == "ann@laptop" && entries[2].reason == "better covers" && entries[2].requestID == "r-1")
    #expect(entries[3].version == "items/versions/1" && entries[3].detail.contains("version 2"))
    #expect(entries.allSatisfy { $0.timeMicros > 1_700_000_000_000_000 })
  }

  @Test(arguments: [1, 40, 200])
  func `A torn last line is skipped, told, and followed by what it should have said`(cut: Int) throws {
    do { _ = try prepared().promote(VersionName(index: "items", number: 2)) }
    let whole = try directory.read(log)
    try directory.write(whole.dropLast(cut), to: log)
    do {
      let store = try VersionStore(path: directory.path)
      // Without its line break a whole line is still one.
      #expect(store.findings.count == (cut == 1 ? 0 : 1))
      #expect(try store.auditEntries(of: "items").map(\.action) == [.published, .published, .promoted])
      _ = try store.rollBack(index: "items")
    }
    let store = try VersionStore(path: directory.path)
    #expect(try store.auditEntries(of: "items").map(\.action) == [.published, .published, .promoted, .rolledBack])
  }

  @Test(arguments: [0, 1, 2])
  func `A log that was cut or replaced is said to lack what serving.json counts`(kept: Int) throws {
    do { _ = try prepared().promote(VersionName(index: "items", number: 2)) }
    let lines = try directory.read(log).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
    try directory.write(Data(lines.prefix(kept).flatMap { $0 + [UInt8(ascii: "\n")] }), to: log)
    let findings = try VersionStore(path: directory.path).findings
    let missing = RecoveryFinding.auditEntriesMissing(
      path: "\(directory.path)/\(log)", count: UInt64(2 - kept), among: 3)
    // The last one stands in serving.json as well, and is appended again.
    #expect(findings == (kept == 2 ? [] : [missing]))
    #expect(findings.allSatisfy { $0.severity == .error })
  }

  @Test
  func `A changed line is no line`() throws {
    do { _ = try prepared() }
    let text = String(decoding: try directory.read(log), as: UTF8.self)
    try directory.write(Data(text.replacing("\"actor\":\"\"", with: "\"actor\":\"eve\"").utf8), to: log)
    let store = try VersionStore(path: directory.path)
    let path = "\(directory.path)/\(log)"
    #expect(
      store.findings == [
        .tornAuditLines(path: path, count: 2), .auditEntriesMissing(path: path, count: 1, among: 2),
      ])
    #expect(try store.auditEntries(of: "items").allSatisfy { $0.actor != "eve" })
  }

  @Test
  func `When serving.json is lost, numbers and generations go on where the log ends`() throws {
    do { _ = try prepared().promote(VersionName(index: "items", number: 2)) }
    try FileManager.default.removeItem(atPath: "\(directory.path)/indexes/items/serving.json")
    let store = try VersionStore(path: directory.path)
    let entries = try store.auditEntries(of: "items")
    #expect(entries.map(\.action) == [.published, .published, .promoted, .recovered])
    #expect(try store.servingState(of: "items").generation == 3)
  }
}
