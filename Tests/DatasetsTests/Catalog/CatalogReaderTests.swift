// SPDX-License-Identifier: Apache-2.0

import Foundation
import Items
import TestSupport
import Testing

@testable import Datasets

@Suite("Catalog files are read")
struct CatalogReaderTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test
  func `JSON lines may hold numbers and lists and lack fields`() throws {
    let path = try directory.write(
      """
      {"item_id": 7, "title": "Lamp", "genres": ["Home", "Light"], "description": ["One.", "Two."], "image": "i/7.jpg"}

      {"asin": "B00", "brand": "Tarn"}
      """, to: "items.jsonl")
    let catalog = try CatalogReader.read(path)
    #expect(catalog.problems.isEmpty)
    #expect(
      catalog.items == [
        CatalogItem(
          id: "7", texts: ItemTexts(title: "Lamp", category: "Home, Light", description: "One. Two."), image: "i/7.jpg",
          line: 1),
        CatalogItem(id: "B00", texts: ItemTexts(brand: "Tarn"), line: 3),
      ])
  }

  @Test
  func `A bad record is named by file and line, and the others are kept`() throws {
    let path = try directory.write(
      "{\"item_id\": \"a\"}\nnot json\n{\"title\": \"no id\"}\n{\"item_id\": \"a\"}\n", to: "items.jsonl")
    let catalog = try CatalogReader.read(path)
    #expect(catalog.items.map(\.id) == ["a"])
    #expect(catalog.problems.map(\.place) == ["\(path):2", "\(path):3", "\(path):4"])
    #expect(catalog.problems[2].message.contains("\(path):1"))
  }

  @Test
  func `Ids are kept byte for byte, and what is no text names no item`() throws {
    let path = try directory.write(
      #"""
      {"item_id": " lead", "title": " cut "}
      {"item_id": "x\ud800y", "title": "half"}
      {"item_id": ["a", "b"]}
      {"item_id": "\ud83d\ude00"}
      {"item_id": "lead", "title": "a \ud800 title"}
      """#, to: "items.jsonl")
    let catalog = try CatalogReader.read(path)
    #expect(catalog.items.map(\.id) == [" lead", "😀", "lead"])
    #expect(catalog.items[0].texts.title == "cut" && catalog.items[2].texts.title == "a \u{FFFD} title")
    #expect(catalog.problems.map(\.place) == ["\(path):2", "\(path):3"])
    #expect(catalog.problems[0].message.contains("surrogate"))

    let object = try directory.write(#"{"x\udc00": {"title": "t"}, "y": {}}"#, to: "meta_info.json")
    let error = #expect(throws: DatasetError.self) { try CatalogReader.read(object) }
    #expect(error?.message.contains("surrogate") == true)
  }

  @Test
  func `Bytes that are no UTF-8 are refused by file and line`() throws {
    for name in ["items.csv", "items.jsonl"] {
      let row =
        name == "items.csv"
        ? [[UInt8]("b".utf8), [0xFF], [UInt8]("\n".utf8)]
        : [[UInt8](#"{"item_id": "b"#.utf8), [0xFF], [UInt8]("\"}\n".utf8)]
      let head = name == "items.csv" ? "item_id\na\n" : "{\"item_id\": \"a\"}\n"
      let path = try directory.write(Data(Array(head.utf8) + row.flatMap(\.self)), to: name)
      let problem: String
      do {
        problem = try CatalogReader.read(path).problems.map { "\($0.place) \($0.message)" }.joined()
      } catch {
        problem = "\(error)"
      }
      #expect(problem.contains("UTF-8") && problem.contains("\(path):\(name == "items.csv" ? 3 : 2)"), "\(problem)")
    }
  }

  @Test
  func `CSV may have quotes and a row with too many fields`() throws {
    let path = try directory.write(
      "item_id,title,category\r\n1,\"Lamp, \"\"brass\"\"\",Home\r\n2,\"two\nlines\",Home\r\n3,a,b,c\r\n",
      to: "items.csv")
    let catalog = try CatalogReader.read(path)
    #expect(catalog.items.map(\.texts.title) == ["Lamp, \"brass\"", "two\nlines"])
    #expect(catalog.items.map(\.line) == [2, 3])
    #expect(catalog.problems.map(\.place) == ["\(path):5"])
  }

  @Test
  func `The published code's meta_info.json is read`() throws {
    let path = try directory.write(#"{"B2": {"title": "two"}, "B1": {"title": "one"}, "B3": 4}"#, to: "meta_info.json")
    let catalog = try CatalogReader.read(path)
    #expect(catalog.items.map(\.id) == ["B1", "B2"])
    #expect(catalog.problems.map(\.itemID) == ["B3"])
  }

  @Test(arguments: [("empty.jsonl", ""), ("items.csv", "title\nLamp\n"), ("items.json", "[]"), ("items.txt", "x")])
  func `A file that is no catalog is refused with its name`(name: String, text: String) throws {
    let path = try directory.write(text, to: name)
    let error = #expect(throws: DatasetError.self) { try CatalogReader.read(path) }
    #expect(error?.message.contains(path) == true)
  }

  @Test
  func `A missing file is refused with its name`() {
    let error = #expect(throws: DatasetError.self) { try CatalogReader.read("/nowhere/items.jsonl") }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("/nowhere/items.jsonl") == true)
  }

  @Test
  func `An item's image is found as named, under --images, or by its id`() throws {
    let catalog = try directory.write("", to: "items.jsonl")
    _ = try directory.write("x", to: "pictures/a.jpg")
    _ = try directory.write("x", to: "images/b.png")
    let pictures = ImageLocator(directory: directory.path + "/pictures", catalogFile: catalog)
    #expect(pictures.path(of: CatalogItem(id: "1", image: "images/a.jpg")) == directory.path + "/pictures/a.jpg")
    #expect(pictures.path(of: CatalogItem(id: "2", image: "c.jpg")) == nil)
    let beside = ImageLocator(directory: nil, catalogFile: catalog)
    #expect(beside.path(of: CatalogItem(id: "b")) == directory.path + "/images/b.png")
    #expect(beside.expectedPath(of: CatalogItem(id: "c")) == directory.path + "/images/c.jpg")
  }
}
