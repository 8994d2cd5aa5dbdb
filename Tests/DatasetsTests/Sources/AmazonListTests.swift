// SPDX-License-Identifier: Apache-2.0

import Foundation
import Items
import TestSupport
import Testing

@testable import Datasets

/// Authority: `extract_meta` of the published `download_and_preprocess.py`, and the description's length in
/// `filter_img_noise.py`.
@Suite("The first pieces of Amazon's lists are taken as the published code takes them")
struct AmazonListTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func prepare(_ metadata: [String]) throws -> Dataset {
    let reviews = metadata.indices.map { #"{"reviewerID": "u", "asin": "B\#($0)", "unixReviewTime": \#($0)}"# }
    try directory.write(metadata.joined(separator: "\n"), to: "meta_Arts.json")
    try directory.write(reviews.joined(separator: "\n"), to: "Arts_5.json")
    for index in metadata.indices { try directory.write("x", to: "images/B\(index).jpg") }
    var options = PreparationOptions()
    (options.kCore, options.negatives, options.imageCheck) = (0, 0, .exists)
    return try Preparation(
      source: DataSource(detecting: directory.path), options: options, decodingImagesWith: { _ in nil }
    ).run(into: directory.path + "/out").dataset
  }

  @Test func `Nothing is trimmed, and an empty first piece is the text`() throws {
    let rest = #""imageURL": ["https://x/a.jpg"], "imageURLHighRes": ["https://x/h.jpg"]"#
    let dataset = try prepare([
      #"{"asin": "B0", "title": "T", "category": ["A"], "description": ["", "second piece"], \#(rest)}"#,
      #"{"asin": "B1", "title": "T", "category": ["A"], "description": [" "], \#(rest)}"#,
      #"{"asin": "B2", "title": "  padded title ", "brand": " b ", "category": ["", "Sewing"], "description": ["\n", "x"], \#(rest)}"#,
      #"{"asin": "B3", "title": "T", "category": [], "description": [], \#(rest)}"#,
      #"{"asin": "B4", "title": "", "category": ["A"], "description": ["d"], "imageURL": [], "imageURLHighRes": [""]}"#,
      #"{"asin": "B5", "title": "T", "category": ["A"], "description": ["d"], "imageURL": "", "imageURLHighRes": []}"#,
      #"{"asin": "B6", "title": "T", "description": ["d"], "feature": [" f ", ""], "imageURL": ["https://x/l.jpg"]}"#,
    ])
    #expect(dataset.items.map(\.id) == ["B1", "B2", "B4", "B6"])
    #expect(dataset.items.map(\.texts.description) == [" ", "\n", "d", "d"])
    #expect(
      dataset.items[1].texts == ItemTexts(title: "  padded title ", brand: " b ", category: "", description: "\n"))
    #expect(dataset.items.map(\.imageURL) == ["https://x/h.jpg", "https://x/h.jpg", "", "https://x/l.jpg"])
    #expect(dataset.items[3].features == [" f ", ""])
    // What was prepared is read again as it was written.
    #expect(try Dataset(reading: directory.path + "/out") == dataset)
  }
}
