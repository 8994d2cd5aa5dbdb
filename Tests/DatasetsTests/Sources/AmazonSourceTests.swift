// SPDX-License-Identifier: Apache-2.0

import Foundation
import Items
import TestSupport
import Testing

@testable import Datasets

@Suite("Amazon's files of 2018 are read")
struct AmazonSourceTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private static func metadata(_ asin: String, _ more: String = "") -> String {
    #"{"asin": "\#(asin)", "category": ["Arts", "Paint"], "description": ["First.", "Second."], "title": "T \#(asin)", "brand": "B", "feature": ["f1", "f2"], "price": "$1", "imageURL": ["http://h/low.jpg"], "imageURLHighRes": ["http://h/\#(asin)_high.jpg"]\#(more)}"#
  }

  private static func review(_ user: String, _ asin: String, _ time: Int) -> String {
    #"{"overall": 5.0, "verified": true, "reviewTime": "01 1, 2018", "reviewerID": "\#(user)", "asin": "\#(asin)", "reviewText": "\ud83d\ude00 {", "unixReviewTime": \#(time)}"#
  }

  private func write(metadata: [String], reviews: [String]) throws {
    try directory.write(metadata.joined(separator: "\n"), to: "meta_Arts.json")
    try directory.write(reviews.joined(separator: "\n") + "\n", to: "Arts_5.json")
  }

  private func prepare(
    _ change: (inout PreparationOptions) -> Void
  ) throws -> (
    dataset: Dataset, report: PreparationReport
  ) {
    var options = PreparationOptions()
    (options.kCore, options.negatives, options.imageCheck) = (0, 1, .off)
    change(&options)
    return try Preparation(
      source: DataSource(detecting: directory.path), options: options, decodingImagesWith: { _ in nil }
    ).run(into: directory.path + "/out")
  }

  @Test
  func `Fields are as the published code takes them; items of one time are ordered by id`() throws {
    try write(
      metadata: ["B4", "B2", "B3", "B1"].map { Self.metadata($0) },
      reviews: [("u", "B3", 200), ("u", "B2", 100), ("u", "B1", 200), ("v", "B4", 9), ("v", "B1", 3), ("v", "B2", 5)]
        .map(Self.review))
    let (dataset, report) = try prepare { _ in }
    #expect(dataset.items.map(\.id) == ["B1", "B2", "B3", "B4"])
    let item = dataset.items[1]
    #expect(
      [item.texts.title, item.texts.brand, item.texts.category, item.texts.description] == [
        "T B2", "B", "Arts", "First.",
      ])
    #expect(item.features == ["f1", "f2"])
    #expect([item.price, item.imageURL] == ["$1", "http://h/B2_high.jpg"])
    #expect(dataset.users.map(\.items) == [[1, 0, 2], [0, 1, 3]])
    #expect(report.notes.contains { $0.hasPrefix("1 users have equal times") })
  }

  @Test
  func `Without description, image URL or metadata an item is left out, and each is counted`() throws {
    try write(
      metadata: [
        Self.metadata("A1"), Self.metadata("A2"), Self.metadata("A3"), Self.metadata("A7"),
        #"{"asin": "A4", "description": [], "imageURL": ["http://h/4.jpg"]}"#,
        #"{"asin": "A5", "description": ["x"], "imageURL": []}"#, Self.metadata("never reviewed"),
      ],
      reviews: ["A1", "A2", "A4", "A5", "A6", "A3"].enumerated().map { Self.review("u", $1, $0) }
        + [Self.review("w", "A7", 1), Self.review("w", "A1", 2), Self.review("w", "A2", 3)])
    for name in ["A1", "A2", "A3", "A7"] { try directory.write("x", to: "images/\(name)_high.jpg") }
    let (dataset, report) = try prepare { $0.imageCheck = .exists }
    #expect(dataset.items.map(\.id) == ["A1", "A2", "A3", "A7"])
    #expect(dataset.users.map(\.items) == [[0, 1, 2], [3, 0, 1]])
    #expect(report.notes.contains { $0.hasPrefix("2 interactions with 2 items that the source does not describe") })
    #expect(report.notes.contains { $0.hasPrefix("1 items without an image URL") })
    #expect(report.steps.first { $0.name == "with a description" }?.items == 4)
  }

  @Test
  func `An item that a user meets again is kept as published, or dropped`() throws {
    try write(
      metadata: ["A", "B", "C", "D"].map { Self.metadata($0) },
      reviews: [
        ("u", "A", 1), ("u", "B", 2), ("u", "A", 3), ("u", "C", 4), ("u", "C", 4), ("v", "D", 1), ("v", "A", 2),
        ("v", "B", 3),
      ]
      .map(Self.review))
    let kept = try prepare { _ in }
    #expect(kept.dataset.users[0].items == [0, 1, 0, 2, 2])
    #expect(kept.report.notes.contains { $0.hasPrefix("2 interactions meet an item again") })
    let dropped = try prepare {
      $0.repeats = .drop
      $0.replacesOutput = true
    }
    #expect(dropped.dataset.users[0].items == [0, 1, 2])
  }

  @Test
  func `Bad lines are counted and shown by file and line, and too many end it`() throws {
    let users = ["u", "v", "w"]
    let good = users.enumerated().flatMap { number, user in
      ["A", "B", "C", "D"].enumerated().filter { $0.offset != number }.map { Self.review(user, $0.element, $0.offset) }
    }
    try write(
      metadata: ["A", "B", "C", "D"].map { Self.metadata($0) },
      reviews: good + ["{'asin': 'A'}", #"{"asin": "A", "reviewerID": "x"}"#, "", #"{"asin": "A""#])
    let (dataset, report) = try prepare { $0.badLineLimit = 3 }
    #expect(dataset.users.count == 3)
    #expect(report.badLines == 3)
    let path = directory.path + "/Arts_5.json"
    #expect(
      report.badLineExamples.map { String($0.prefix(path.count + 4)) } == ["10:", "11:", "13:"].map { "\(path):\($0)" })
    let error = #expect(throws: DatasetError.self) {
      try prepare {
        $0.badLineLimit = 2
        $0.replacesOutput = true
      }
    }
    #expect(error?.message.contains("3 lines cannot be used, the limit is 2") == true)
    #expect(error?.message.contains("\(path):10") == true)
  }

  @Test
  func `Two categories in one directory, or nothing known, are refused`() throws {
    let nothing = #expect(throws: DatasetError.self) { try DataSource(detecting: directory.path) }
    #expect(nothing?.message.contains("It has no files") == true)
    for name in ["meta_Arts.json.gz", "Arts_5.json.gz"] { try directory.write("", to: name) }
    #expect(
      try DataSource(detecting: directory.path)
        == .amazon(metadata: directory.path + "/meta_Arts.json.gz", reviews: directory.path + "/Arts_5.json.gz"))
    for name in ["meta_Office.json.gz", "Office_5.json.gz"] { try directory.write("", to: name) }
    let two = #expect(throws: DatasetError.self) { try DataSource(detecting: directory.path) }
    #expect(two?.message.contains("2 kinds or categories") == true)
  }
}
