// SPDX-License-Identifier: Apache-2.0

import Foundation
import Items
import Synchronization
import TestSupport
import Testing

@testable import Datasets

@Suite("A dataset is prepared")
struct PreparationTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private var out: String { directory.path + "/out" }

  /// 12 users over 9 items, each with 6 of them; item x has no image, and b's image holds "bad".
  private func writeCatalog() throws {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
    var rows = ["user_id,item_id,timestamp"]
    for user in 0..<12 {
      for step in 0..<6 { rows.append("u\(user),\(names[(user + step) % names.count]),\(100 * user + step)") }
    }
    try directory.write(rows.joined(separator: "\n"), to: "in/interactions.csv")
    let items = names.map { name in
      let description = name == "c" ? "" : "about \(name)"
      return
        #"{"item_id": "\#(name)", "genres": ["x", "y"], "description": "\#(description)", "image": "images/\#(name).jpg"}"#
    }
    try directory.write(items.joined(separator: "\n"), to: "in/items.jsonl")
    for name in names { try directory.write(name == "b" ? "bad" : "good", to: "in/images/\(name).jpg") }
  }

  private func prepare(
    _ change: (inout PreparationOptions) -> Void = { _ in },
    decode: @escaping @Sendable (String) -> String? = PreparationTests.isBad,
    progress: @escaping (PreparationStage, Int, Int?) throws -> Void = { _, _, _ in }
  ) throws -> (dataset: Dataset, report: PreparationReport) {
    var options = PreparationOptions()
    options.negatives = 3
    change(&options)
    let source = try DataSource(detecting: directory.path + "/in", split: options.split)
    return try Preparation(source: source, options: options, decodingImagesWith: decode)
      .run(into: out, progress: progress)
  }

  @Sendable
  private static func isBad(_ path: String) -> String? {
    (try? String(contentsOfFile: path, encoding: .utf8)) == "bad" ? "it is bad" : nil
  }

  @Test(arguments: [PreparationOptions.NegativePool.all, .cold])
  func `Cold items end sequences, and nobody learns from them`(pool: PreparationOptions.NegativePool) throws {
    // 20 users over 40 items, each with 9 of them.
    var rows = ["user_id,item_id,timestamp"]
    for user in 0..<20 { for step in 0..<9 { rows.append("u\(user),\((2 * user + step) % 40),\(100 * user + step)") } }
    try directory.write(rows.joined(separator: "\n"), to: "in/interactions.csv")
    try directory.write((0..<40).map { #"{"item_id": "\#($0)"}"# }.joined(separator: "\n"), to: "in/items.jsonl")
    let options = { (options: inout PreparationOptions) in
      (options.kCore, options.imageCheck, options.negatives) = (0, .off, 4)
    }
    let whole = try prepare(options).dataset
    try FileManager.default.removeItem(atPath: out)
    let (dataset, report) = try prepare {
      options(&$0)
      ($0.coldShare, $0.negativePool) = (0.4, pool)
    }
    #expect(dataset.items.map(\.id) == whole.items.map(\.id), "an item that nobody meets any more can be recommended")
    let cold = Set(dataset.users.compactMap(\.items.last))
    let warm = Set(dataset.users.flatMap { $0.items.dropLast() })
    #expect(!dataset.users.isEmpty && cold.isDisjoint(with: warm) && cold.count <= 16)
    for user in dataset.users {
      let before = try #require(whole.users.first { $0.id == user.id }).items
      let last = try #require(before.lastIndex { user.items.last == $0 })
      #expect(before[(last + 1)...].allSatisfy { !cold.contains($0) }, "it is the last of them")
      #expect(Array(user.items.dropLast()) == before[..<last].filter { warm.contains($0) })
      #expect(Set(user.negatives).isDisjoint(with: before), "what was left out of a sequence was met as well")
      #expect(user.negatives.count == 4 && (pool == .all || Set(user.negatives).isDisjoint(with: warm)))
    }
    #expect(report.steps.last?.name == "users who met one of 16 cold items after others")
    #expect(report.split.contains("16 items are in no training sequence"))
    #expect(try Dataset(reading: out) == dataset)
    #expect(!report.negatives.contains("more than once"))

    try FileManager.default.removeItem(atPath: out)
    let scarce = try prepare {
      options(&$0)
      ($0.coldShare, $0.negativePool, $0.negatives) = (0.4, pool, pool == .all ? 35 : 16)
    }
    #expect(scarce.dataset.users.allSatisfy { Set($0.negatives).count < $0.negatives.count })
    #expect(scarce.report.negatives.contains("\(scarce.dataset.users.count) users have some of them more than once"))
  }

  @Test(arguments: [0.01, 0.99]) func `A share that leaves no item cold, or none warm, is refused`(share: Double) throws
  {
    try writeCatalog()
    let error = #expect(throws: DatasetError.self) { try prepare { $0.coldShare = share } }
    #expect(error?.code == .invalidInput && error?.message.contains("--cold-items") == true)
  }

  @Test
  func `A catalog is prepared: genres joined, ordered by time, the bad image out`() throws {
    try writeCatalog()
    let (dataset, report) = try prepare()
    #expect(dataset.items.map(\.id) == ["a", "c", "d", "e", "f", "g", "h", "i"])
    #expect(dataset.items[0].texts.category == "x, y")
    #expect(dataset.items[1].texts.description.isEmpty)
    #expect(report.badImages == 1)
    #expect(report.badImageExamples[0].contains("it is bad"))
    let first = try #require(dataset.users.first { $0.id == "u0" })
    #expect(first.items.map { dataset.items[$0].id } == ["a", "c", "d", "e", "f"])
    for user in dataset.users {
      #expect(user.items.count >= 5)
      #expect(user.negatives.count == 3)
      #expect(Set(user.negatives).isDisjoint(with: user.items))
    }
    #expect(
      report.steps.map(\.name) == [
        "read", "5-core", "with an image that decodes", "5-core", "users with 3 or more interactions",
      ])
    #expect(report.steps[0] == .init(name: "read", users: 12, items: 9, interactions: 72))
    #expect(report.steps.last?.users == dataset.users.count)
    #expect(try Dataset(reading: out) == dataset)
    #expect(!FileManager.default.fileExists(atPath: out + ".partial"))
  }

  @Test
  func `Each filter can be turned off or on`() throws {
    try writeCatalog()
    let all = try prepare { $0.imageCheck = .off }
    #expect(all.dataset.items.count == 9)
    let described = try prepare {
      $0.imageCheck = .exists
      $0.emptyDescriptions = .drop
      $0.kCore = 0
      $0.replacesOutput = true
    }
    #expect(described.dataset.items.map(\.id) == ["a", "b", "d", "e", "f", "g", "h", "i"])
    #expect(described.report.steps.map(\.name).contains("5-core") == false)
  }

  @Test
  func `The same seed gives the same negatives, another one others`() throws {
    try writeCatalog()
    let first = try prepare().dataset
    let again = try prepare { $0.replacesOutput = true }.dataset
    let other = try prepare {
      $0.replacesOutput = true
      $0.seed = 1
    }.dataset
    #expect(first == again)
    #expect(first.users.map(\.items) == other.users.map(\.items))
    #expect(first.users.map(\.negatives) != other.users.map(\.negatives))
  }

  @Test
  func `A split that lies there decides the order; negatives that a filter dropped are filled up`() throws {
    try writeCatalog()
    var lines: [String] = []
    for user in 0..<12 {
      let names = (0..<6).map { "\"\(["a", "b", "c", "d", "e", "f", "g", "h", "i"][(user + $0) % 9])\"" }
      let others = [6, 7, 8].map { "\"\(["a", "b", "c", "d", "e", "f", "g", "h", "i"][(user + $0) % 9])\"" }
      let train = names[..<4].reversed().joined(separator: ",")
      lines.append(
        #"{"user_id": "u\#(user)", "train": [\#(train)], "valid": \#(names[4]), "test": \#(names[5]), "negatives": [\#(others.joined(separator: ","))]}"#
      )
    }
    try directory.write(lines.joined(separator: "\n"), to: "in/leave_one_out.jsonl")
    let (dataset, report) = try prepare { $0.imageCheck = .off }
    let first = try #require(dataset.users.first { $0.id == "u0" })
    #expect(first.items.map { dataset.items[$0].id } == ["d", "c", "b", "a", "e", "f"])
    #expect(first.negatives.map { dataset.items[$0].id } == ["g", "h", "i"])
    #expect(report.negatives == "from the source")
    #expect(report.notes.contains { $0.contains("for 0 of 12 users; the held-out items for 12") })
    let checked = try prepare { $0.replacesOutput = true }
    #expect(checked.report.negatives.contains("filled up"))
    #expect(checked.dataset.users.allSatisfy { $0.negatives.count == 3 })
    let ordered = try prepare {
      $0.ignoresSplit = true
      $0.imageCheck = .off
      $0.replacesOutput = true
    }
    #expect(ordered.dataset.users.first { $0.id == "u0" }?.items == [0, 1, 2, 3, 4, 5])
  }

  @Test
  func `Stopped while images are checked, the next run goes on; the output appears at the end`() throws {
    try writeCatalog()
    for number in 0..<300 {
      try directory.write("good", to: "in/images/p\(number).jpg")
    }
    let items = (0..<300).map { #"{"item_id": "p\#($0)", "image": "images/p\#($0).jpg"}"# }
    let rows = (0..<5).flatMap { user in (0..<300).map { "u\(user),p\($0),\($0)" } }
    try directory.write(items.joined(separator: "\n"), to: "in/items.jsonl")
    try directory.write((["user_id,item_id,timestamp"] + rows).joined(separator: "\n"), to: "in/interactions.csv")
    let looks = Mutex(0)
    let counting: @Sendable (String) -> String? = { _ in
      looks.withLock { $0 += 1 }
      return nil
    }
    #expect(throws: CancellationError.self) {
      try prepare({ $0.negatives = 0 }, decode: counting) { stage, completed, _ in
        if stage == .checkingImages, completed > 0 { throw CancellationError() }
      }
    }
    let before = looks.withLock { $0 }
    #expect(before > 0 && before < 300)
    #expect(!FileManager.default.fileExists(atPath: out))
    let (dataset, report) = try prepare({ $0.negatives = 0 }, decode: counting)
    #expect(looks.withLock { $0 } == 300)
    #expect(report.imagesKnown == before)
    #expect(dataset.items.count == 300)
  }

  @Test
  func `What is there already is not touched without --replace`() throws {
    try writeCatalog()
    _ = try directory.write("x", to: "out/mine.txt")
    let error = #expect(throws: DatasetError.self) { try prepare() }
    #expect(error?.message.contains("--replace") == true)
    #expect(FileManager.default.fileExists(atPath: out + "/mine.txt"))
  }

  @Test
  func `An empty result says which step took the last one`() throws {
    try writeCatalog()
    let error = #expect(throws: DatasetError.self) { try prepare { $0.kCore = 50 } }
    #expect(error?.code == .empty)
    #expect(error?.message.contains("\"50-core\"") == true)
  }

  @Test
  func `A user who met everything cannot have negatives`() throws {
    try directory.write(#"{"item_id": "a"}"# + "\n" + #"{"item_id": "b"}"#, to: "in/items.jsonl")
    try directory.write("user_id,item_id\nu,a\nu,b\nu,a\n", to: "in/interactions.csv")
    let error = #expect(throws: DatasetError.self) {
      try prepare {
        $0.imageCheck = .off
        $0.kCore = 0
      }
    }
    #expect(error?.message.contains("user u met all 2 items") == true)
  }

  @Test
  func `A prepared directory prepares again to the same data`() throws {
    try writeCatalog()
    let first = try prepare { $0.imageCheck = .exists }.dataset
    var options = PreparationOptions()
    options.emptyDescriptions = .keep
    let second = try Preparation(
      source: DataSource(detecting: out), options: options, decodingImagesWith: { _ in nil }
    ).run(into: directory.path + "/second").dataset
    #expect(second.users == first.users)
    #expect(second.items.map(\.id) == first.items.map(\.id))
    #expect(second.items.allSatisfy { $0.image != nil })
  }
}
