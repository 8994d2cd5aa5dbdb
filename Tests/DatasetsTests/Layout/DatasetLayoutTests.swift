// SPDX-License-Identifier: Apache-2.0

import Items
import TestSupport
import Testing

@testable import Datasets

@Suite("The published layout is read and written")
struct DatasetLayoutTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// Files as the published code writes them: more than the item in each interaction, "" for what is missing.
  private func writePublished() throws {
    try directory.write(
      """
      {"1": {"imURL": "http://x/1.jpg", "category": "Arts", "brand": "", "title": "Brush", "description": "Soft.",
        "price": "$3", "feature": ["fine", "light"]},
       "0": {"title": "Ink", "feature": ""}, "2": {"title": "Pen"}, "3": {"title": "Pad"}}
      """, to: "meta_info.json")
    try directory.write(
      #"{"u2_Art": [[1, "", 5.0, "s", "r"], [0, "", 4.0], [2], [1]], "u1_Art": [[3], [2], [0]]}"#, to: "test_users.json"
    )
    try directory.write(#"{"u2_Art": [[1], [0], [2]], "u1_Art": [[3], [2]]}"#, to: "eval_users.json")
    try directory.write(#"{"u2_Art": [[1], [0]], "u1_Art": [[3]]}"#, to: "train_users.json")
    try directory.write("u2_Art 3 3\nu1_Art 1 1\n", to: "neg_item_set.txt")
    try directory.write("x", to: "image/1.jpg")
  }

  @Test func `The published code's files may be gzipped`() throws {
    try writePublished()
    let plain = try Dataset(reading: directory.path)
    for name in ["meta_info.json", "test_users.json", "eval_users.json", "train_users.json", "neg_item_set.txt"] {
      try Gzip.pack("\(directory.path)/\(name)")
    }
    #expect(try DataSource(detecting: directory.path) == .published(directory: directory.path))
    #expect(try Dataset(reading: directory.path) == plain)
  }

  @Test
  func `The published code's files are read`() throws {
    try writePublished()
    let dataset = try Dataset(reading: directory.path)
    var brush = Dataset.Item(id: "1")
    brush.texts = ItemTexts(title: "Brush", category: "Arts", description: "Soft.")
    (brush.features, brush.price, brush.imageURL) = (["fine", "light"], "$3", "http://x/1.jpg")
    brush.image = directory.path + "/image/1.jpg"
    #expect(dataset.items[1] == brush)
    #expect(dataset.items.map(\.texts.title) == ["Ink", "Brush", "Pen", "Pad"])
    #expect(dataset.items[0].features.isEmpty)
    #expect(
      dataset.users == [
        Dataset.User(id: "u2_Art", items: [1, 0, 2, 1], negatives: [3, 3]),
        Dataset.User(id: "u1_Art", items: [3, 2, 0], negatives: [1, 1]),
      ])
  }

  @Test
  func `The split files and the negatives may be missing`() throws {
    try directory.write(#"{"0": {}, "1": {}}"#, to: "meta_info.json")
    try directory.write(#"{"a b": [0, 1, 0]}"#, to: "test_users.json")
    let dataset = try Dataset(reading: directory.path)
    #expect(dataset.users == [Dataset.User(id: "a b", items: [0, 1, 0])])
    #expect(dataset.items.allSatisfy { $0.image == nil })
  }

  @Test(arguments: [
    ("test_users.json", #"{"u": [[4], [0], [1]]}"#, ["item 4", "user u", "meta_info.json"]),
    ("test_users.json", #"{"u": [[0]], "u": [[1]]}"#, ["user u stands twice", ":1:"]),
    ("test_users.json", #"{"u": [["x"]]}"#, ["x is not a whole number"]),
    ("test_users.json", #"{"u": [[0], "#, [":1:", "ends"]),
    ("test_users.json", "{}", ["no users"]),
    ("eval_users.json", #"{"u2_Art": [[1], [2], [0]]}"#, ["user u2_Art", "different preparations"]),
    ("train_users.json", #"{"zz": [[1]]}"#, ["user zz is not in"]),
    ("neg_item_set.txt", "u1_Art 1\nzz 1\n", [":2:", "user zz"]),
    ("neg_item_set.txt", "u1_Art 9\n", [":1:", "9 of user u1_Art"]),
    ("neg_item_set.txt", "u1_Art 2\n", ["item 2 is in the sequence of user u1_Art"]),
    ("neg_item_set.txt", "u1_Art 1\nu1_Art 1\n", [":2:", "twice"]),
    ("meta_info.json", #"{"0": {}, "1": {}, "2": {}, "4": {}}"#, ["none with the number 3"]),
    ("meta_info.json", #"{"B00": {}}"#, ["\"B00\" is not a number"]),
    ("illmrec_dataset.json", #"{"format": 1, "item_ids": ["a"]}"#, ["names 1 items", "has 4"]),
    ("illmrec_dataset.json", #"{"format": 9}"#, ["format 9"]),
  ])
  func `What contradicts is refused with the file and the user`(name: String, text: String, words: [String]) throws {
    try writePublished()
    let path = try directory.write(text, to: name)
    let error = #expect(throws: DatasetError.self) { try Dataset(reading: directory.path) }
    for word in words + [path] { #expect(error?.message.contains(word) == true, "\(error?.message ?? "")") }
  }

  @Test
  func `A directory without data is refused by name`() {
    let error = #expect(throws: DatasetError.self) { try Dataset(reading: "/nowhere") }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("/nowhere/meta_info.json") == true)
  }

  @Test(arguments: ImagePlacement.allCases)
  func `What was written is read back whole`(placement: ImagePlacement) throws {
    var items = (0..<4).map { Dataset.Item(id: "B\($0)\u{1}\"é") }
    items[1].features = ["one", "two\n\\"]
    (items[2].texts.title, items[2].imageURL, items[2].price) = ("Tab\there", "http://x", "4.50")
    items[3].image = try directory.write("bytes", to: "source/pic.png")
    let users = [
      Dataset.User(id: "é", items: [0, 1, 2], negatives: [3, 3]), Dataset.User(id: "b", items: [3, 2, 1, 0]),
    ]
    let out = try directory.makeDirectory("out")
    try Dataset(items: items, users: users).write(to: out, images: placement)
    items[3].image = out + "/image/3.jpg"
    #expect(try Dataset(reading: out) == Dataset(items: items, users: users))
    #expect(try TextFile(out + "/image/3.jpg", what: "the image").bytes() == Array("bytes".utf8))
    #expect(try TextFile(out + "/data4sasrec.txt", what: "it").bytes().starts(with: "é 1\né 2\né 3\nb 4\n".utf8))
  }

  @Test
  func `The record says how the data was made`() throws {
    var record = DatasetRecord()
    (record.source, record.steps, record.seed) = ("raw", ["one", "two"], .max)
    (record.split, record.negatives) = ("time", "100 by seed")
    try Dataset(items: [Dataset.Item(id: "x")], users: [Dataset.User(id: "u", items: [0, 0, 0])])
      .write(to: directory.path, record: record)
    record.itemIDs = ["x"]
    #expect(try DatasetRecord(in: DatasetLayout(directory.path)) == record)
  }
}
