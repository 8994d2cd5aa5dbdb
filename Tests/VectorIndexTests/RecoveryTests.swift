// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import Foundation
import Rollouts
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
    #expect(store.findings.dropFirst() == [.fellBack(index: "items", from: 2, to: 1, among: 2)])
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
  func `A damaged serving state is moved aside, and what the audit log says was stable serves`(damage: Damage) throws {
    try damage.apply(to: "indexes/items/serving.json", in: directory)
    let store = try VersionStore(path: directory.path)
    #expect(store.findings.contains(.stableChosen(index: "items", version: 2, entry: 4)))
    #expect(directory.entries("quarantine") == (damage == .removed ? [] : ["items.serving.1"]))
    #expect(try store.resolve(index: "items").version.info.itemCount == 15)
    #expect(try store.servingState(of: "items").previous == 1)
    let told = try #require(try store.auditEntries(of: "items").last)
    #expect(told.action == .recovered && told.version == "items/versions/2")
    #expect(
      told.reason == "serving.json was damaged, missing or older than the audit log"
        && told.detail.hasPrefix("version 2 is stable"))
  }

  @Test
  func `A version that was rolled back does not come back when the serving state is lost`() throws {
    do {
      let store = try VersionStore(path: directory.path)
      _ = try store.startRollout(
        of: VersionName(index: "items", number: 3), plan: RolloutPlan(stages: [.init(canaryPermille: 100)]))
      _ = try store.rollBackRollout(of: "items", ChangeRequest(actor: "rollout", reason: "gate errors"))
      _ = try store.promote(VersionName(index: "items", number: 3))
      _ = try store.rollBack(index: "items")
    }
    try Damage.removed.apply(to: "indexes/items/serving.json", in: directory)
    let store = try VersionStore(path: directory.path)
    #expect(try store.resolve(index: "items").version.info.name.number == 2)
    #expect(try store.servingState(of: "items").previous == nil)
  }

  @Test
  func `A rollout that was under way when the serving state was lost is over, and the log says so`() throws {
    do {
      let store = try VersionStore(path: directory.path)
      _ = try store.startRollout(
        of: VersionName(index: "items", number: 3), plan: RolloutPlan(stages: [.init(canaryPermille: 1000)]))
    }
    try Damage.emptied.apply(to: "indexes/items/serving.json", in: directory)
    let store = try VersionStore(path: directory.path)
    #expect(try store.routing(of: "items").stable.info.name.number == 2)
    #expect(try store.routing(of: "items").candidate == nil)
    #expect(try store.auditEntries(of: "items").last?.detail.contains("the rollout under way is lost") == true)
  }

  @Test
  func `Where neither the serving state nor the audit log is left, nothing serves until a person has chosen`() throws {
    for file in ["serving.json", "audit.jsonl"] { try Damage.removed.apply(to: "indexes/items/\(file)", in: directory) }
    for _ in 0..<2 {
      let store = try VersionStore(path: directory.path)
      #expect(store.findings == [.nothingServes(index: "items", newest: 3)])
      let error = #expect(throws: VectorIndexError.self) { try store.resolve(index: "items") }
      #expect(error?.code == .nothingServes && error?.message.contains("illmrec index promote N") == true)
      #expect(try store.versions(of: "items").map(\.roles) == [[], [], []])
      let refused = #expect(throws: VectorIndexError.self) {
        try store.startRollout(
          of: VersionName(index: "items", number: 3), plan: RolloutPlan(stages: [.init(canaryPermille: 100)]))
      }
      #expect(refused?.code == .nothingServes)
    }
    let store = try VersionStore(path: directory.path)
    _ = try store.promote(VersionName(index: "items", number: 2))
    #expect(try store.resolve(index: "items").version.info.itemCount == 15)
  }

  @Test
  func `An older serving state that was put back gives no role that was taken back since`() throws {
    let old = try directory.read("indexes/items/serving.json")
    do {
      let store = try VersionStore(path: directory.path)
      _ = try store.startRollout(
        of: VersionName(index: "items", number: 3), plan: RolloutPlan(stages: [.init(canaryPermille: 500)]))
    }
    let duringRollout = try directory.read("indexes/items/serving.json")
    do {
      let store = try VersionStore(path: directory.path)
      _ = try store.rollBackRollout(of: "items", ChangeRequest(actor: "rollout", reason: "gate errors"))
    }
    try directory.write(duringRollout, to: "indexes/items/serving.json")
    do {
      let store = try VersionStore(path: directory.path)
      #expect(store.findings.contains { $0.description.contains("older than the audit log") })
      #expect(try store.resolve(index: "items").version.info.itemCount == 15)
      #expect(try store.servingState(of: "items").activeRollout == nil)
      // Numbers of rollouts go on.
      let next = try store.startRollout(
        of: VersionName(index: "items", number: 3), plan: RolloutPlan(stages: [.init(canaryPermille: 500)]))
      #expect(next.rollout?.number == 2)
      _ = try store.rollBackRollout(of: "items", ChangeRequest(actor: "rollout", reason: "gate errors"))
    }
    try directory.write(old, to: "indexes/items/serving.json")
    let store = try VersionStore(path: directory.path)
    #expect(try store.servingState(of: "items").stable == 2)
    #expect(directory.entries("quarantine").count == 2)
  }

  @Test
  func `A publication into an index that lost what served answers nobody until a person has chosen`() throws {
    try FileManager.default.removeItem(atPath: directory.path + "/indexes/items/serving.json")
    try directory.write("", to: "indexes/items/audit.jsonl")
    do {
      let store = try VersionStore(path: directory.path)
      #expect(try store.publish(first).roles.isEmpty)
      #expect(try store.servingState(of: "items").stable == nil)
    }
    let store = try VersionStore(path: directory.path)
    #expect(try store.publish(first).roles.isEmpty)
    #expect(try store.promote(VersionName(index: "items", number: 2)).stable == 2)
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
  func `With previous and stable broken nothing that was never released serves, and the log tells it once`() throws {
    for number in [1, 2] {
      try Damage.halfMissing.apply(to: "indexes/items/versions/\(number)/ids.utf8", in: directory)
    }
    do {
      let store = try VersionStore(path: directory.path)
      #expect(store.findings.contains(.fellBack(index: "items", from: 2, to: nil, among: 1)))
      #expect(store.findings.contains(.previousLost(index: "items", version: 1)))
      #expect(try VersionStoreTests.code { try store.resolve(index: "items") } == .nothingServes)
    }
    do {
      let store = try VersionStore(path: directory.path)
      #expect(store.findings == [.nothingServes(index: "items", newest: 3)])
      let told = try store.auditEntries(of: "items").filter { $0.action == .recovered }
      #expect(
        told.count == 1 && told[0].reason.contains("version 2 is broken") && told[0].detail.hasPrefix("nothing serves"))
    }
    try Damage.removed.apply(to: "indexes/items/versions/3/manifest.json", in: directory)
    let store = try VersionStore(path: directory.path)
    #expect(store.indexNames.isEmpty)
    #expect(throws: VectorIndexError.self) { try store.resolve(index: "items") }
    let published = try store.publish(first)
    #expect(
      published.roles.isEmpty && published.info.name.number == 4, "what was lost may have been another's to replace")
    #expect(try store.promote(published.info.name).stable == 4)
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
