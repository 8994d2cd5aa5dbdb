// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import Foundation
import TestSupport
import Testing
import VectorIndex

@Suite("A data directory is opened and mended")
struct RecoveryTests {
  let directory: TemporaryDirectory
  let first = Catalog(count: 12, dim: 3, seed: 1)
  let second = Catalog(count: 15, dim: 3, seed: 2)
  let third = Catalog(count: 18, dim: 3, seed: 3)

  /// Three versions: 2 is stable, 1 the previous one, 3 was never promoted.
  init() throws {
    directory = try TemporaryDirectory(inMemory: true)
    let store = try VersionStore(path: directory.path)
    for catalog in [first, second, third] { try store.publish(catalog) }
    _ = try store.promote(VersionName(index: "items", number: 2))
  }

  static let files = ["manifest.json", "ids.utf8", "ids.offsets.u64", "vectors.f32"]

  enum Damage: CaseIterable {
    case firstBitFlipped
    case middleBitFlipped
    case lastBitFlipped
    case lastByteMissing
    case halfMissing
    case emptied
    case byteAdded
    case removed

    func apply(to file: String, in directory: TemporaryDirectory) throws {
      var bytes = try directory.read(file)
      switch self {
      case .firstBitFlipped: bytes[0] ^= 1
      case .middleBitFlipped: bytes[bytes.count / 2] ^= 0x10
      case .lastBitFlipped: bytes[bytes.count - 1] ^= 0x80
      case .lastByteMissing: bytes.removeLast()
      case .halfMissing: bytes.removeLast(bytes.count / 2)
      case .emptied: bytes.removeAll()
      case .byteAdded: bytes.append(0)
      case .removed: return try FileManager.default.removeItem(atPath: "\(directory.path)/\(file)")
      }
      try directory.write(bytes, to: file)
    }
  }

  @Test(
    arguments: files,
    Damage.allCases)
  func `A damaged stable version is moved aside by name, and the previous version serves`(
    file: String, damage: Damage
  ) throws {
    try damage.apply(to: "indexes/items/versions/2/\(file)", in: directory)
    let store = try VersionStore(path: directory.path)
    let quarantined = "\(directory.path)/quarantine/items.2.1"
    let moved = try #require(store.findings.first)
    guard case .quarantined(let path, quarantined, let reason) = moved else {
      Issue.record("\(moved)")
      return
    }
    #expect(path.hasSuffix("indexes/items/versions/2") && reason.contains(file))
    #expect(store.findings.dropFirst() == [.fellBack(index: "items", from: 2, to: 1)])
    #expect(try store.resolve(index: "items").version.info.itemCount == 12)
    #expect(try store.versions(of: "items").map(\.info.name.number) == [3, 1])
    #expect(try store.servingState(of: "items").previous == nil)
    #expect(FileManager.default.fileExists(atPath: quarantined))
  }

  @Test
  func `Every single bit of a manifest and of a serving state counts`() throws {
    for file in ["indexes/items/versions/2/manifest.json", "indexes/items/serving.json"] {
      let sound = try directory.read(file)
      for bit in stride(from: 0, to: sound.count * 8, by: 37) {
        var bytes = sound
        bytes[bit / 8] ^= UInt8(1 << (bit % 8))
        let damaged = try TemporaryDirectory(inMemory: true)
        try directory.copy(to: damaged)
        try damaged.write(bytes, to: file)
        let findings = try VersionStore(path: damaged.path).findings
        #expect(findings.contains { $0.severity == .error && $0.description.contains(file) }, "bit \(bit) of \(file)")
      }
    }
  }

  @Test(arguments: Damage.allCases)
  func `A damaged serving state is moved aside and the newest version serves`(damage: Damage) throws {
    try damage.apply(to: "indexes/items/serving.json", in: directory)
    let store = try VersionStore(path: directory.path)
    #expect(store.findings.contains(.stableChosen(index: "items", version: 3)))
    #expect(directory.entries("quarantine") == (damage == .removed ? [] : ["items.serving.1"]))
    #expect(try store.resolve(index: "items").version.info.itemCount == 18)
  }

  @Test
  func `What was chosen at one start stands at the next`() throws {
    try Damage.emptied.apply(to: "indexes/items/versions/2/vectors.f32", in: directory)
    do { _ = try VersionStore(path: directory.path) }
    let store = try VersionStore(path: directory.path)
    #expect(store.findings.isEmpty)
    #expect(try store.servingState(of: "items").stable == 1)
    #expect(try store.publish(first).info.name.number == 4, "a quarantined number is not given out again")
  }

  @Test
  func `With previous and stable broken the newest serves; with all broken nothing does`() throws {
    for number in [1, 2] {
      try Damage.halfMissing.apply(to: "indexes/items/versions/\(number)/ids.utf8", in: directory)
    }
    do {
      let store = try VersionStore(path: directory.path)
      #expect(store.findings.contains(.fellBack(index: "items", from: 2, to: 3)))
      #expect(store.findings.contains(.previousLost(index: "items", version: 1)))
      #expect(try store.resolve(index: "items").version.info.itemCount == 18)
    }
    try Damage.removed.apply(to: "indexes/items/versions/3/manifest.json", in: directory)
    let store = try VersionStore(path: directory.path)
    #expect(store.findings.contains(.fellBack(index: "items", from: 3, to: nil)))
    #expect(store.indexNames.isEmpty)
    #expect(throws: VectorIndexError.self) { try store.resolve(index: "items") }
    let published = try store.publish(first)
    #expect(published.roles == [.stable] && published.info.name.number == 4)
  }

  @Test
  func `A broken version kept for rollback is reported; the stable one goes on`() throws {
    try Damage.lastBitFlipped.apply(to: "indexes/items/versions/1/vectors.f32", in: directory)
    let store = try VersionStore(path: directory.path)
    #expect(store.findings.contains(.previousLost(index: "items", version: 1)))
    let serving = try store.servingState(of: "items")
    #expect(serving.stable == 2 && serving.previous == nil)
  }

  @Test
  func `Leftovers go, unknown files stay and are reported`() throws {
    let path = directory.path
    for sub in ["staging/upload-3", "indexes/items/versions/notes", "indexes/Bad Name"] {
      try FileManager.default.createDirectory(atPath: "\(path)/\(sub)", withIntermediateDirectories: true)
    }
    for sub in [
      "staging/upload-3/vectors.f32", "indexes/items/serving.json.new", "README", "indexes/items/x.txt",
      "indexes/items/versions/1/extra", "indexes/items/versions/007",
    ] { try directory.write(Data("?".utf8), to: sub) }
    let store = try VersionStore(path: path)
    let expected: [RecoveryFinding] = [
      .leftoverRemoved(path: "\(path)/staging/upload-3"),
      .unknownFile(path: "\(path)/README"),
      .unknownFile(path: "\(path)/indexes/Bad Name"),
      .unknownFile(path: "\(path)/indexes/items/x.txt"),
      .leftoverRemoved(path: "\(path)/indexes/items/serving.json.new"),
      .unknownFile(path: "\(path)/indexes/items/versions/007"),
      .unknownFile(path: "\(path)/indexes/items/versions/1/extra"),
      .unknownFile(path: "\(path)/indexes/items/versions/notes"),
    ]
    #expect(store.findings == expected)
    #expect(directory.entries("staging").isEmpty)
    #expect(FileManager.default.fileExists(atPath: "\(path)/README"))
    #expect(try store.resolve(index: "items").version.info.itemCount == 15)
  }

  @Test
  func `A version in another's place is refused`() throws {
    try FileManager.default.copyItem(
      atPath: "\(directory.path)/indexes/items/versions/1", toPath: "\(directory.path)/indexes/items/versions/9")
    let store = try VersionStore(path: directory.path)
    #expect(store.findings.first?.description.contains("is of items/versions/1") == true)
    #expect(try store.versions(of: "items").map(\.info.name.number) == [3, 2, 1])
    #expect(try store.publish(first).info.name.number == 10)
  }

  @Test
  func `A directory that cannot be written is refused with the path and the remedy`() throws {
    let error = #expect(throws: VectorIndexError.self) { try VersionStore(path: "/proc/illmrec-data") }
    #expect(error?.code == .storageFailed && error?.message.contains("/proc/illmrec-data") == true)
    try directory.write(Data(), to: "a-file")
    let file = #expect(throws: VectorIndexError.self) { try VersionStore(path: "\(directory.path)/a-file") }
    #expect(file?.message.contains("a-file") == true)
  }
}
