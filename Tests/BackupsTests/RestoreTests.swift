// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import Foundation
import TestSupport
import Testing
import VectorIndex

@testable import Backups

@Suite("Restoring a backup")
struct RestoreTests {
  let fixture: BackupFixture
  let manifest: BackupManifest

  init() throws {
    fixture = try BackupFixture()
    try fixture.fill(fixture.openStore(), fixture.openIndex())
    manifest = try fixture.backup()
  }

  @Test
  func `One changed bit in any file is noticed before anything is written`() throws {
    for file in fixture.files("backup") {
      let before = try fixture.directory.read("backup/\(file)")
      try fixture.damage("backup/\(file)")
      #expect(throws: (any Error).self, "\(file)") { try fixture.restore() }
      #expect(fixture.directory.entries("new").isEmpty, "\(file)")
      try before.write(to: URL(filePath: fixture.directory.file("backup/\(file)")))
    }
    try fixture.restore()
  }

  @Test
  func `A missing file, or a link in its place, is noticed before anything is written`() throws {
    let key = fixture.directory.file("backup/index/outcome-key")
    try FileManager.default.removeItem(atPath: key)
    #expect(BackupFixture.code { try fixture.restore() } == .invalid)
    let elsewhere = try fixture.directory.write([UInt8](repeating: 7, count: 32), to: "elsewhere")
    try FileManager.default.createSymbolicLink(atPath: key, withDestinationPath: elsewhere)
    #expect(BackupFixture.code { try fixture.restore() } == .invalid)
    #expect(fixture.directory.entries("new").isEmpty)
  }

  @Test
  func `A restore that fails or is interrupted at any moment leaves nothing`() throws {
    var failures = 0
    while true {
      let progress = FailingProgress(at: failures)
      let isDone = (try? fixture.restore(progress: { _ in try progress.tick() })) != nil
      if isDone { break }
      failures += 1
      #expect(fixture.directory.entries("new").isEmpty, "failed at \(failures)")
    }
    #expect(failures > 2 * manifest.files.count - 3)
    #expect(fixture.directory.entries("new") == ["index", "items.sqlite"])
  }

  @Test(arguments: [
    "new/items.sqlite", "new/items.sqlite-wal", "new/items.sqlite-shm", "new/items.sqlite-journal", "new/index/lock",
    "new/items.sqlite.restoring", "new/index.restoring",
  ])
  func `Nothing is written over, nor restored beside what is there`(path: String) throws {
    try fixture.directory.write("somebody's", to: path)
    #expect(BackupFixture.code { try fixture.restore() } == .exists)
    #expect(fixture.files("new") == [String(path.dropFirst(4))])
    #expect(fixture.directory.text(path) == "somebody's")
  }

  @Test
  func `An empty directory, as a volume is, is filled`() throws {
    _ = try fixture.directory.makeDirectory("new/index")
    try fixture.restore()
    #expect(try fixture.openIndex(fixture.directory.file("new/index")).findings.isEmpty)
  }

  @Test
  func `A backup restores what it was made of, and says what it lacks`() throws {
    let path = fixture.directory.file("only-items")
    _ = try Backup(store: fixture.storePath, data: nil, out: path, softwareVersion: "test").run()
    #expect(fixture.files("only-items") == ["backup.json", "items.sqlite"])
    #expect(BackupFixture.code { _ = try Restore(path, store: nil, data: fixture.dataPath) } == .invalid)
    try Restore(path, store: fixture.directory.file("new/items.sqlite"), data: nil).run()
    #expect(fixture.directory.entries("new") == ["items.sqlite"])
  }

  @Test(arguments: ["../x", "/etc/x", "index/../../x", "index//x", "index/./x", "index", "other", ""])
  func `A backup that names a place outside itself is refused`(path: String) throws {
    let forged = BackupManifest(
      format: 1, softwareVersion: "test", timeMicros: 0, files: [.init(path: path, bytes: 0, sha256: "")], catalog: nil,
      indexes: [])
    try fixture.directory.write(SealedDocument.encode(forged), to: "backup/backup.json")
    #expect(BackupFixture.code { try fixture.restore() } != nil)
    #expect(fixture.directory.entries("new").isEmpty)
  }

  @Test
  func `A backup of more bytes than can be counted is refused`() throws {
    let forged = BackupManifest(
      format: 1, softwareVersion: "test", timeMicros: 0,
      files: ["a", "b"].map { .init(path: "index/\($0)", bytes: .max, sha256: "") }, catalog: nil, indexes: [])
    try fixture.directory.write(SealedDocument.encode(forged), to: "backup/backup.json")
    #expect(BackupFixture.code { try fixture.restore() } == .invalid)
  }

  @Test
  func `A backup of a later format is refused by that`() throws {
    let later = BackupManifest(
      format: BackupManifest.currentFormat + 1, softwareVersion: "9.0", timeMicros: 0, files: [], catalog: nil,
      indexes: nil)
    try fixture.directory.write(SealedDocument.encode(later), to: "backup/backup.json")
    #expect(BackupFixture.code { try fixture.restore() } == .unsupportedFormat)
  }
}
