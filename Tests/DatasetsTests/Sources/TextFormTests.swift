// SPDX-License-Identifier: Apache-2.0

import Foundation
import Items
import TestSupport
import Testing

@testable import Datasets

/// The same data in the forms that tools write it in.
@Suite("Raw data is read alike in all formats, or refused by file and line")
struct TextFormTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private static let items = (0..<6).map { #"{"item_id": "B\#($0)", "title": "Thing \#($0)"}"# }.joined(separator: "\n")

  private static func rows(_ id: (Int) -> String) -> String {
    let rows = (0..<4).flatMap { user in (0..<4).map { "u\(user),\(id((user + $0) % 6)),\($0)" } }
    return (["user_id,item_id,timestamp"] + rows).joined(separator: "\n")
  }

  private func prepare(items: Data, _ itemsName: String = "items.jsonl", interactions: Data) throws -> Dataset {
    try directory.write(items, to: "in/\(itemsName)")
    try directory.write(interactions, to: "in/interactions.csv")
    var options = PreparationOptions()
    (options.kCore, options.negatives, options.imageCheck, options.replacesOutput) = (0, 1, .off, true)
    return try Preparation(
      source: DataSource(detecting: directory.path + "/in"), options: options, decodingImagesWith: { _ in nil }
    ).run(into: directory.path + "/out").dataset
  }

  private func prepare(items: String, _ name: String = "items.jsonl", interactions: String) throws -> Dataset {
    try prepare(items: Data(items.utf8), name, interactions: Data(interactions.utf8))
  }

  private func problem(items: Data, interactions: Data) -> String {
    #expect(throws: DatasetError.self) { try prepare(items: items, interactions: interactions) }?.message ?? ""
  }

  private var plain: Dataset { get throws { try prepare(items: Self.items, interactions: Self.rows { "B\($0)" }) } }

  @Test func `A byte order mark before either file is no part of it`() throws {
    let mark = "\u{FEFF}"
    let marked = try prepare(items: mark + Self.items, interactions: mark + Self.rows { "B\($0)" })
    #expect(try marked == plain)
    let object = mark + #"{"B0": {"title": "a"}, "B1": {}}"#
    let catalog = try CatalogReader.read(try directory.write(object, to: "meta_info.json"))
    #expect(catalog.items.map(\.id) == ["B0", "B1"])
  }

  @Test func `NaN and Infinity, as Python writes them, are missing values`() throws {
    let items = (0..<6).map {
      #"{"item_id": "B\#($0)", "title": "Thing \#($0)", "brand": NaN, "price": -Infinity, "category": [NaN, Infinity]}"#
    }
    #expect(try prepare(items: items.joined(separator: "\n"), interactions: Self.rows { "B\($0)" }) == plain)
  }

  /// A column of numbers with a gap is a column of floats to pandas.
  @Test(arguments: ["17.0", "17", "\"17\"", "\"17.0\"", "1.7e1", "17.00"])
  func `A whole number has one spelling`(json: String) throws {
    let lines = try CatalogReader.read(try directory.write(#"{"item_id": \#(json)}"#, to: "items.jsonl"))
    #expect(lines.items.map(\.id) == ["17"])
  }

  @Test func `Ids that only look like numbers are kept byte for byte`() throws {
    for id in ["007.0", "-0.0", "1.5", "v1.0", "1.0.0", ".0", "17.", "1e3.0", "٣.0"] {
      #expect(ItemName.canonical(id) == id)
    }
    #expect(ItemName.canonical("-3.0") == "-3")
    #expect(ItemName.canonical("0.0") == "0")
    #expect(ItemName.canonical("12345678901234567890123.0") == "12345678901234567890123")
  }

  @Test func `Floats for ids in one file meet whole numbers in the other`() throws {
    let numbers = (0..<6).map { #"{"item_id": \#($0), "title": "Thing \#($0)"}"# }.joined(separator: "\n")
    let floats = (0..<6).map { #"{"item_id": \#($0).0, "title": "Thing \#($0)"}"# }.joined(separator: "\n")
    let table = "item_id,title\n" + (0..<6).map { "\($0).0,Thing \($0)" }.joined(separator: "\n")
    let first = try prepare(items: numbers, interactions: Self.rows { "\($0).0" })
    #expect(first.users.count == 4 && first.items.map(\.id) == (0..<6).map(String.init))
    #expect(try prepare(items: floats, interactions: Self.rows { "\($0)" }) == first)
    try FileManager.default.removeItem(atPath: directory.path + "/in/items.jsonl")
    #expect(try prepare(items: table, "items.csv", interactions: Self.rows { "\($0)" }) == first)
  }

  @Test func `Spaces around ids belong to them, around titles they do not, in each format`() throws {
    let lines = try directory.write("{\"item_id\": \" a\", \"title\": \" cut \"}\n", to: "items.jsonl")
    let table = try directory.write("item_id,title\n a, cut \n", to: "items.csv")
    for path in [lines, table] {
      let item = try #require(try CatalogReader.read(path).items.first)
      #expect(item.id == " a" && item.texts.title == "cut")
    }
  }

  @Test func `Latin-1 is refused by file and line, in ids and in other texts`() throws {
    let name = Data([0xE9])
    let items =
      Data("{\"item_id\": \"B0\", \"title\": \"ok\"}\n{\"item_id\": \"B1\", \"title\": \"Caf".utf8) + name
      + Data("\"}".utf8)
    let path = try directory.write(items, to: "items.jsonl")
    let error = #expect(throws: (any Error).self) { try CatalogReader.read(path) }
    let message = error.map { "\($0)" } ?? ""
    #expect(message.contains("\(path):2") && message.contains("UTF-8"), "\(message)")
    let rows = Data("user_id,item_id\nu,B0\nu,B".utf8) + name
    #expect(
      problem(items: Data(Self.items.utf8), interactions: rows).contains("interactions.csv:3: field 2 is no UTF-8"))
  }

  @Test func `A file of another kind is named for what it is`() throws {
    let rows = Self.rows { "B\($0)" }
    var wide = Data([0xFF, 0xFE])
    for unit in rows.utf16 { wide.append(contentsOf: [UInt8(unit & 0xFF), UInt8(unit >> 8)]) }
    #expect(
      problem(items: Data(Self.items.utf8), interactions: wide).contains(
        "interactions.csv:1: not the interactions but UTF-16"))
    let pointer = Data("version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n".utf8)
    #expect(problem(items: pointer, interactions: Data(rows.utf8)).contains("Git LFS pointer"))
    let page = Data("\n<!DOCTYPE HTML>\n<html>".utf8)
    #expect(problem(items: Data(Self.items.utf8), interactions: page).contains("a web page"))
    #expect(problem(items: Data(Self.items.utf8), interactions: Data("PAR1".utf8)).contains("Parquet"))
  }

  @Test func `That no interaction meets an item is said, with the first names of both`() throws {
    let message = problem(items: Data(Self.items.utf8), interactions: Data(Self.rows { "B\($0) " }.utf8))
    #expect(message.contains("none of 16 interactions"))
    #expect(message.contains(#"with "B0 ", "B1 ", "B2 ", "B3 ", "B4 ", …"#))
    #expect(message.contains(#"the items are "B0", "B1", "B2""#))
    let empty = problem(items: Data(Self.items.utf8), interactions: Data("user_id,item_id,timestamp\nu,B0,soon\n".utf8))
    #expect(empty.contains("no interaction could be read") && empty.contains("\"soon\" is not a number"))
  }

  @Test func `Lines of old Macs, archives and a header alone are named for what they are`() throws {
    let rows = Self.rows { "B\($0)" }
    let mac = problem(items: Data(Self.items.utf8), interactions: Data(rows.replacing("\n", with: "\r").utf8))
    #expect(mac.contains("interactions.csv:1: its lines end with a carriage return alone"), "\(mac)")
    let items = problem(items: Data(Self.items.replacing("\n", with: "\r").utf8), interactions: Data(rows.utf8))
    #expect(items.contains("items.jsonl:1: its lines end with a carriage return alone"), "\(items)")
    let header = problem(items: Data(Self.items.utf8), interactions: Data("user_id,item_id,timestamp\r\n".utf8))
    #expect(header.contains("a header at most: write a line for each interaction"), "\(header)")
    let archive = problem(items: Data("PK\u{3}\u{4} and more".utf8), interactions: Data(rows.utf8))
    #expect(archive.contains("items.jsonl:1: not the catalog but a ZIP archive"), "\(archive)")
  }

  /// The other lines are those that happen to be the same in both encodings.
  @Test func `A line that is no UTF-8 refuses the file, and is not passed over`() throws {
    var bytes = Array(Self.items.utf8)
    let place = try #require(bytes.lastIndex(of: UInt8(ascii: "T")))
    bytes[place] = 0xE9
    let message = problem(items: Data(bytes), interactions: Data(Self.rows { "B\($0)" }.utf8))
    #expect(message.contains("items.jsonl:6: column") && message.contains("save the file as UTF-8"), "\(message)")
  }

  @Test func `Interactions with items that are not there are counted, and the first named`() throws {
    let rows = Self.rows { "B\($0)" } + "\nu0,missing,9\nu1,missing,9\nu1,other,9"
    try directory.write(Self.items, to: "in/items.jsonl")
    try directory.write(rows, to: "in/interactions.csv")
    var options = PreparationOptions()
    (options.kCore, options.negatives, options.imageCheck) = (0, 1, .off)
    let report = try Preparation(
      source: DataSource(detecting: directory.path + "/in"), options: options, decodingImagesWith: { _ in nil }
    ).run(into: directory.path + "/out").report
    #expect(
      report.notes.contains { $0.contains("3 interactions with 2 items") && $0.hasSuffix(#""missing", "other""#) })
  }

  /// Nanoseconds since 1970 differ in digits that a Double does not hold.
  @Test func `Times in nanoseconds keep their order`() throws {
    let times = [3, 1, 2, 0].map { "150000000000000000\($0)" }
    let rows = zip(["B0", "B1", "B2", "B3"], times).map { "u,\($0),\($1)" } + ["v,B4,1.5", "v,B5,1.25", "v,B0,-2"]
    let dataset = try prepare(
      items: Self.items, interactions: "user_id,item_id,timestamp\n" + rows.joined(separator: "\n"))
    let ids = dataset.users.map { $0.items.map { dataset.items[$0].id } }
    #expect(ids == [["B3", "B1", "B2", "B0"], ["B0", "B5", "B4"]])
  }
}
