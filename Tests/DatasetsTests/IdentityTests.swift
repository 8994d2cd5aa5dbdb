// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Datasets

@Suite("Data sets take names as bytes")
struct IdentityTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func bytes(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }

  @Test(arguments: Spellings.all)
  func `A catalog holds both spellings of an id`(spelling text: Spellings) throws {
    let lines = text.both.map { #"{"item_id": "\#($0)"}"# }.joined(separator: "\n")
    let object = "{" + text.both.map { #""\#($0)": {"title": "x"}"# }.joined(separator: ",") + "}"
    for (name, contents) in [
      ("items.jsonl", lines), ("items.csv", "item_id\n" + text.both.joined(separator: "\n")), ("items.json", object),
    ] {
      let catalog = try CatalogReader.read(try directory.write(contents, to: name))
      #expect(catalog.problems.isEmpty && Set(bytes(catalog.items.map(\.id))) == Set(bytes(text.both)), "\(name)")
    }
  }

  @Test(arguments: Spellings.all)
  func `A history is that of the user whose bytes were given`(spelling text: Spellings) throws {
    let path = try directory.write(
      "user_id,item_id,timestamp\n\(text.one),a,1\n\(text.other),b,2\n\(text.one),\(text.other),3\n", to: "i.csv")
    #expect(bytes(try InteractionFile.history(of: text.one, in: path)) == bytes(["a", text.other]))
    #expect(bytes(try InteractionFile.history(of: text.other, in: path)) == bytes(["b"]))
  }

  @Test(arguments: Spellings.all)
  func `Users and items of both spellings come through a preparation, with a split`(spelling text: Spellings) throws {
    let ids = text.both + ["a", "b", "c"]
    try directory.write(ids.map { #"{"item_id": "\#($0)"}"# }.joined(separator: "\n"), to: "items.jsonl")
    let sequences = [[text.one, text.other, "a"], [text.other, "b", "c"]]
    var rows = ["user_id,item_id,timestamp"]
    for (user, items) in zip(text.both, sequences) {
      for (time, item) in items.enumerated() { rows.append("\(user),\(item),\(time)") }
    }
    try directory.write(rows.joined(separator: "\n"), to: "interactions.csv")
    let split = zip(text.both, sequences).map { user, items in
      #"{"user_id": "\#(user)", "train": ["\#(items[0])"], "valid": "\#(items[1])", "test": "\#(items[2])", "negatives": []}"#
    }
    for hasSplit in [false, true] {
      if hasSplit { try directory.write(split.joined(separator: "\n"), to: "leave_one_out.jsonl") }
      var options = PreparationOptions()
      (options.kCore, options.negatives, options.imageCheck) = (0, hasSplit ? 0 : 1, .off)
      let out = directory.path + "/out-\(hasSplit)"
      let prepared = try Preparation(
        source: DataSource(detecting: directory.path), options: options, decodingImagesWith: { _ in nil }
      ).run(into: out).dataset
      for dataset in [prepared, try Dataset(reading: out)] {
        #expect(bytes(dataset.users.map(\.id)) == bytes(text.both))
        let items = dataset.users.map { $0.items.map { dataset.items[$0].id } }
        #expect(items.map(bytes) == sequences.map(bytes))
      }
    }
  }
}
