// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// What a correct system answers for a checkpoint: a directory with `bundle/`, `images/` and `expected.json`, made by the
/// framework that trained the checkpoint or by scripts/make-golden.py.
struct Golden: Sendable {
  /// An item; its id is its place among the images.
  struct Image: Decodable, Sendable {
    let file: String
    /// Empty or missing: the prompt reads "Unknown".
    let title: String?
    /// [v]
    let embedding: [Float]
    /// [d]
    let softToken: [Float]
    /// [p], of the image space.
    let itemVector: [Float]

    enum CodingKeys: String, CodingKey {
      case file, title, embedding
      case softToken = "soft_token"
      case itemVector = "item_vector"
    }
  }

  /// A user.
  struct History: Decodable, Sendable {
    /// Places of images, oldest first.
    let items: [Int]
    let titles: [String?]
    /// Without the row of [REC].
    let tokenIDs: [UInt32]
    /// [d], at [REC].
    let hiddenState: [Float]
    /// By space, [p] each: img, cf, text.
    let userVectors: [String: [Float]]
    /// [N], by the image space alone.
    let imageScores: [Float]
    /// Places of images, best first.
    let ranking: [Int]

    enum CodingKeys: String, CodingKey {
      case items, titles, ranking
      case tokenIDs = "token_ids"
      case hiddenState = "hidden_state"
      case userVectors = "user_vectors"
      case imageScores = "image_scores"
    }
  }

  private struct Expected: Decodable {
    let images: [Image]
    let histories: [History]
  }

  let directory: String
  let images: [Image]
  let histories: [History]

  /// The checkpoint.
  var checkpoint: String { "\(directory)/bundle" }

  /// - Throws: CLIError that names the field at fault.
  static func read(_ directory: String) throws(CLIError) -> Golden {
    try InputFile.requireDirectory(directory, what: "the golden")
    let file = "\(directory)/expected.json"
    let bytes = try InputFile.bytes(of: file, what: "the golden's answers")
    let expected: Expected
    do {
      expected = try JSONDecoder().decode(Expected.self, from: bytes)
    } catch {
      throw CLIError(.invalidInput, "\(file): \(ErrorText.of(error))", cause: error)
    }
    let golden = Golden(directory: directory, images: expected.images, histories: expected.histories)
    try golden.check { CLIError(.invalidInput, "\(file): \($0)") }
    return golden
  }

  /// The bytes of an image.
  func encodedImage(_ index: Int) throws(CLIError) -> Data {
    try InputFile.bytes(of: "\(directory)/images/\(images[index].file)", what: "image \(index) of the golden")
  }
}
