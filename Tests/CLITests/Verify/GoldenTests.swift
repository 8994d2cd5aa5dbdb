// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import CLI

@Suite("A golden is read from disk") struct GoldenTests {
  private static let image = """
    {"file": "0.jpg", "title": null, "embedding": [1, 2], "soft_token": [1, 2, 3], "item_vector": [1]}
    """
  private static let history = """
    {"items": [0], "titles": [""], "prompt": "", "token_ids": [1], "hidden_state": [1, 2, 3],
     "user_vectors": {"img": [1], "cf": [2]}, "image_scores": [1], "ranking": [0]}
    """

  private static func read(images: String = image, histories: String = history) throws -> Golden {
    try withTemporaryDirectory { directory in
      try Data("{\"images\": [\(images)], \"histories\": [\(histories)]}".utf8)
        .write(to: URL(filePath: "\(directory)/expected.json"))
      return try Golden.read(directory)
    }
  }

  @Test func `A golden is read`() throws {
    let golden = try Self.read()
    let widths = [golden.embeddingDim, golden.softTokenDim, golden.spaceDim]
    #expect(widths == [2, 3, 1])
    #expect(golden.histories[0].userVectors["cf"] == [2])
    #expect(golden.images[0].title == nil)
  }

  struct Fault: Sendable {
    var images = GoldenTests.image
    var histories = GoldenTests.history
    let message: String
  }

  private static let faults = [
    Fault(images: "", message: "images is empty"),
    Fault(histories: "", message: "histories is empty"),
    Fault(images: "{", message: "not valid JSON"),
    Fault(images: image.replacing("[1, 2, 3]", with: "[1, NaN]"), message: "NaN is not JSON either"),
    Fault(images: image.replacing("\"file\"", with: "\"path\""), message: "images[0] lacks \"file\""),
    Fault(
      images: image.replacing("[1, 2],", with: "[1, \"x\"],"), message: "images[0].embedding[1] is not a number"),
    Fault(
      images: image + "," + image.replacing("[1, 2],", with: "[1],"),
      message: "images[1].embedding has 1 values where 2"),
    Fault(
      images: image.replacing("\"item_vector\": [1]", with: "\"item_vector\": []"), message: "item_vector has 0 values"),
    Fault(
      histories: history.replacing("\"items\": [0]", with: "\"items\": [1]"),
      message: "names item 1; there are images 0 to 0"),
    Fault(
      histories: history.replacing("\"items\": [0]", with: "\"items\": []"), message: "histories[0].items is empty"),
    Fault(
      histories: history.replacing("\"titles\": [\"\"]", with: "\"titles\": []"), message: "titles has 0 values where 1"
    ),
    Fault(
      histories: history.replacing("\"ranking\": [0]", with: "\"ranking\": [1]"), message: "ranking does not name each"),
    Fault(histories: history.replacing("\"img\"", with: "\"text\""), message: "user_vectors lacks \"img\""),
    Fault(histories: history.replacing("\"cf\"", with: "\"audio\""), message: "unknown space \"audio\""),
    Fault(
      histories: history.replacing("\"cf\": [2]", with: "\"cf\": [2, 3]"),
      message: "user_vectors.cf has 2 values where 1"),
  ]

  @Test(arguments: faults) func `A fault is named with its field`(_ fault: Fault) {
    let error = #expect(throws: CLIError.self) { try Self.read(images: fault.images, histories: fault.histories) }
    #expect(error?.message.contains("expected.json: ") == true)
    #expect(error?.message.contains(fault.message) == true, "\(error?.message ?? "no error")")
  }

  @Test func `An image that is missing is named`() throws {
    let golden = try Self.read()
    let error = #expect(throws: CLIError.self) { try golden.encodedImage(0) }
    #expect(error?.message.hasSuffix("images/0.jpg: no such file (image 0 of the golden)") == true)
  }
}
