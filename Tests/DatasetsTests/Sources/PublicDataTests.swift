// SPDX-License-Identifier: Apache-2.0

import Foundation
import Items
import TestSupport
import Testing

@testable import Datasets

/// Four users with three items each, in the forms that public data sets have.
@Suite("Public data sets are read as they are downloaded")
struct PublicDataTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private static let events = (0..<4).flatMap { user in
    (0..<3).map { (user: user, item: (user + $0) % 5, time: 100 + $0) }
  }

  private func prepare(
    _ change: (inout PreparationOptions) -> Void = { _ in }
  ) throws -> (
    dataset: Dataset, report: PreparationReport
  ) {
    var options = PreparationOptions()
    (options.kCore, options.negatives, options.imageCheck, options.replacesOutput) = (0, 1, .off, true)
    change(&options)
    return try Preparation(
      source: DataSource(detecting: directory.path + "/in"), options: options, decodingImagesWith: { _ in nil }
    ).run(into: directory.path + "/out")
  }

  private func write(_ lines: [String], to name: String) throws {
    try directory.write(lines.joined(separator: "\n") + "\n", to: "in/" + name)
  }

  private func problem() -> String {
    #expect(throws: DatasetError.self) { try prepare() }?.message ?? ""
  }

  private func texts(_ dataset: Dataset, _ id: String) throws -> ItemTexts {
    try #require(dataset.items.first { $0.id == id }).texts
  }

  // MARK: - Amazon

  @Test func `Amazon 2014 has dictionaries of Python, with quotes as they come`() throws {
    try write(
      (0..<5).map { item in
        let title = item == 1 ? #""d'oh""# : item == 2 ? #"'say \'hi\' \u2013 \xe9\n'"# : "'Thing'"
        return
          "{'asin': 'B\(item)', 'title': \(title), 'price': 1.5, 'imUrl': 'http://h/\(item).jpg', 'related': {'also': [True, None]}, "
          + "'categories': [['Arts', 'Sewing']], 'description': 'About', 'brand': ''}"
      }, to: "meta_Arts.json")
    try write(
      Self.events.map { #"{"reviewerID": "u\#($0.user)", "asin": "B\#($0.item)", "unixReviewTime": \#($0.time)}"# },
      to: "reviews_Arts_5.json")
    let (dataset, report) = try prepare()
    #expect(dataset.items.map(\.id) == ["B0", "B1", "B2", "B3", "B4"])
    #expect(dataset.items.map(\.texts.title) == ["Thing", "d'oh", "say 'hi' – é\n", "Thing", "Thing"])
    #expect(dataset.items[1].texts.category == "Arts")
    #expect(dataset.items[3].imageURL == "http://h/3.jpg")
    #expect(report.badLines == 0)
    #expect(dataset.users.map(\.items) == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 0]])
  }

  private static let metadata2023 = (0..<5).map { item in
    #"{"main_category": "Arts", "title": "Thing \#(item)", "store": "Acme", "features": ["f"], "price": null, "#
      + #""description": ["First.", "Second."], "categories": ["Arts", "Sewing"], "parent_asin": "B\#(item)", "#
      + #""images": [{"thumb": "https://h/t.jpg", "large": "https://h/l\#(item).jpg", "hi_res": \#(item == 0 ? #""https://h/h.jpg""# : "null"), "variant": "MAIN"}]}"#
  }

  @Test(arguments: ["Arts.jsonl", "Arts.csv"])
  func `Amazon 2023 is of parents, and has lists of images`(reviews: String) throws {
    try write(Self.metadata2023, to: "meta_Arts.jsonl")
    if reviews.hasSuffix(".csv") {
      try write(
        ["user_id,parent_asin,rating,timestamp"] + Self.events.map { "u\($0.user),B\($0.item),5.0,\($0.time)000" },
        to: reviews)
    } else {
      try write(
        Self.events.map {
          #"{"user_id": "u\#($0.user)", "asin": "V\#($0.item)", "parent_asin": "B\#($0.item)", "timestamp": \#($0.time)000, "rating": 5.0}"#
        }, to: reviews)
    }
    let (dataset, _) = try prepare()
    #expect(dataset.items.map(\.id) == ["B0", "B1", "B2", "B3", "B4"])
    #expect(dataset.items.map(\.imageURL).prefix(2) == ["https://h/h.jpg", "https://h/l1.jpg"])
    let texts = try texts(dataset, "B1")
    #expect([texts.title, texts.brand, texts.category, texts.description] == ["Thing 1", "Acme", "Arts", "First."])
    #expect(dataset.items[0].features == ["f"])
    #expect(dataset.users.map(\.items) == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 0]])
  }

  @Test(arguments: [
    (#"[{"thumb": "t", "large": "l"}, {"variant": "PT01"}, {"hi_res": "h"}]"#, ["l", "h"]),
    (#"{"hi_res": [null, "h1"], "large": ["l0", "l1"], "variant": ["MAIN", "PT01"]}"#, ["l0", "h1"]),
    (#"["a", "b"]"#, ["a", "b"]), ("null", []), ("[]", []),
  ])
  func `The best URL of each image counts`(json: String, urls: [String]) throws {
    let bytes = Array(json.utf8)
    let read = try bytes.withUnsafeBufferPointer { buffer in
      var cursor = JSONCursor(borrowing: buffer)
      return try AmazonImages.urls(&cursor)
    }
    #expect(read == urls)
  }

  // MARK: - MovieLens

  @Test func `MovieLens 1M is in Latin-1 and says so in the report`() throws {
    let movies = [
      "0::Léon (1994)::Action|Drama", "1::B::Drama", "2::C::Drama", "3::D::(no genres listed)", "4::E::War",
    ]
    let latin = try #require((movies.joined(separator: "\n") + "\n").data(using: .isoLatin1))
    try directory.write(latin, to: "in/movies.dat")
    try write(Self.events.map { "\($0.user)::\($0.item)::5::\($0.time)" }, to: "ratings.dat")
    let (dataset, report) = try prepare()
    #expect(try texts(dataset, "0").title == "Léon (1994)")
    #expect(try texts(dataset, "0").category == "Action, Drama")
    #expect(try texts(dataset, "3").category.isEmpty)
    #expect(report.notes.contains { $0.contains("movies.dat is no UTF-8 and was read as Latin-1") })
    #expect(dataset.users.map(\.items) == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 0]])
    try write(movies, to: "movies.dat")
    let (again, calm) = try prepare()
    #expect(again.items.map(\.texts) == dataset.items.map(\.texts), "the same in UTF-8")
    #expect(!calm.notes.contains { $0.contains("Latin-1") })
  }

  @Test func `MovieLens since 20M has tables`() throws {
    try write(
      ["movieId,title,genres", #"0,"Postman, The (1997)",Drama|War"#] + (1..<5).map { "\($0),M\($0),Drama" },
      to: "movies.csv")
    try write(
      ["userId,movieId,rating,timestamp"] + Self.events.map { "\($0.user),\($0.item),3.5,\($0.time)" },
      to: "ratings.csv")
    let (dataset, _) = try prepare()
    #expect(try texts(dataset, "0").title == "Postman, The (1997)")
    #expect(try texts(dataset, "0").category == "Drama, War")
    #expect(dataset.users.map(\.items) == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 0]])
  }

  @Test func `Ratings with other fields are counted as bad lines, and many of them are refused`() throws {
    try write((0..<5).map { "\($0)::M::Drama" }, to: "movies.dat")
    let ratings = Self.events.map { "\($0.user)::\($0.item)::5::\($0.time)" }
    try write(ratings + ["1::2::3", "1::2::5::noon"], to: "ratings.dat")
    #expect(try prepare().report.badLines == 2)
    try write(ratings.map { $0.replacing("::", with: "\t") }, to: "ratings.dat")
    let message = #expect(throws: DatasetError.self) { try prepare { $0.badLineLimit = 3 } }?.message
    #expect(
      message?.contains("ratings.dat:1") == true && message?.contains("UserID::MovieID") == true, "\(message ?? "")")
  }

  // MARK: - RecBole

  @Test func `RecBole's atomic files have typed columns and no quotes`() throws {
    try write(
      ["item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"]
        + (0..<5).map { "\($0)\tThe \"Thing \($0)\t1999\tDrama War" }, to: "ml.item")
    try write(
      ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
        + Self.events.map { "u\($0.user)\t\($0.item)\t4\t\($0.time).0" }, to: "ml.inter")
    let (dataset, _) = try prepare()
    #expect(try texts(dataset, "1").title == "The \"Thing 1")
    #expect(try texts(dataset, "1").category == "Drama, War")
    #expect(dataset.users.map(\.items) == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 0]])
    try write(["item_id\ttitle", "0\tA"], to: "ml.item")
    #expect(problem().contains("\"item_id\" is no column of an atomic file"))
    try FileManager.default.removeItem(atPath: directory.path + "/in/ml.item")
    #expect(problem().contains("has no ml.item beside it"))
  }

  @Test func `RecBole's files may be gzipped, one or both`() throws {
    try write(["item_id:token\ttitle:token_seq"] + (0..<5).map { "\($0)\tThing \($0)" }, to: "x.item")
    try write(
      ["user_id:token\titem_id:token\ttimestamp:float"] + Self.events.map { "u\($0.user)\t\($0.item)\t\($0.time)" },
      to: "x.inter")
    let plain = try prepare().dataset
    for name in ["x.item", "x.inter"] {
      try Gzip.pack(directory.path + "/in/" + name)
      #expect(try prepare().dataset == plain)
    }
  }

  @Test func `Parquet files are named with where the remedy stands`() throws {
    try write(["PAR1"], to: "train.parquet")
    #expect(problem().contains("docs/data.md"))
  }
}

@Suite("Python's strings are read") struct PythonEscapesTests {
  private func text(_ literal: String) throws -> String {
    try Array(literal.utf8).withUnsafeBufferPointer { buffer in
      var cursor = JSONCursor(borrowing: buffer, grammar: .python)
      let text = try cursor.readString(isExact: true)
      try cursor.finish()
      return text
    }
  }

  @Test(arguments: [
    (#"'a"b'"#, #"a"b"#), (#""it's""#, "it's"), (#"'\'\"\\'"#, #"'"\"#),
    (#"'\a\b\f\n\r\t\v'"#, "\u{7}\u{8}\u{C}\n\r\t\u{B}"),
    (#"'\xe9\u2013\U0001F600'"#, "é–😀"), (#"'\0\101\1018'"#, "\u{0}AA8"), (#"'\d\/'"#, #"\d\/"#), ("'é'", "é"),
  ])
  func `As Python 3 reads them`(literal: String, expected: String) throws { #expect(try text(literal) == expected) }

  @Test(arguments: [#"'\x1'"#, #"'\ud800'"#, #"'\U00110000'"#, #"'\N{BULLET}'"#, "'open"])
  func `What is no string is refused`(literal: String) { #expect(throws: JSONProblem.self) { try text(literal) } }

  @Test func `JSON knows no single quotes`() {
    #expect(throws: JSONProblem.self) {
      try Array("'a'".utf8).withUnsafeBufferPointer { buffer in
        var cursor = JSONCursor(borrowing: buffer)
        _ = try cursor.readString()
      }
    }
  }
}
