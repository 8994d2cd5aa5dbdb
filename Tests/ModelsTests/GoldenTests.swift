// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

/// What the reference framework answers for checkpoints, and what this runtime does.
///
/// Beside the two of the shared directory, those that `ILLMREC_GOLDENS` names: directories between colons, such as
/// `scripts/make-golden.py` writes.
@Suite(
  "Goldens are matched",
  .enabled(if: SharedFiles.has("goldens"), "set ILLMREC_SHARED to the directory that holds goldens/"))
struct GoldenTests {
  static let goldens =
    ["mha", "gqa-llama-tokenizer"].map { "\(SharedFiles.root)/goldens/\($0)" }
    + (ProcessInfo.processInfo.environment["ILLMREC_GOLDENS"] ?? "").split(separator: ":").map(String.init)

  // The bar is 1e-4 and 1e-3. Both sides compute in 32 bits and differ in the order of their sums alone, which leaves
  // about 1e-6 after three layers.
  static let tolerance = 1e-5

  struct Expected: Decodable {
    struct Image: Decodable {
      let file: String
      let embedding: [Float]
      let softToken: [Float]
      let itemVector: [Float]
    }

    struct History: Decodable {
      let items: [Int]
      let titles: [String]
      let tokenIds: [Int32]
      let hiddenState: [Float]
      let userVectors: [String: [Float]]
      let imageScores: [Float]
      let ranking: [Int]
    }

    let images: [Image]
    let histories: [History]

    init(golden: String) throws {
      let data = try Data(contentsOf: URL(filePath: "\(golden)/expected.json"))
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      self = try decoder.decode(Expected.self, from: data)
    }

    func prompts(for model: UserModel) throws -> [Prompt] {
      try histories.map { history in
        try model.prompt(
          history: zip(history.items, history.titles).map {
            HistoryEntry(title: $0.1, softToken: images[$0.0].softToken)
          })
      }
    }
  }

  static func location(_ golden: String) -> CheckpointLocation {
    let weights = "\(golden)/llm-weights"
    let isApart = FileManager.default.fileExists(atPath: weights)
    return CheckpointLocation(directory: "\(golden)/bundle", llmWeights: isApart ? weights : nil)
  }

  @Test(arguments: goldens) func `Images become the expected vectors`(golden: String) throws {
    let expected = try Expected(golden: golden)
    let model = try ImageModel(checkpoint: Self.location(golden), spaces: [.image])
    let prepared = try expected.images.map { image in
      let data = try Data(contentsOf: URL(filePath: "\(golden)/images/\(image.file)"))
      return try data.withUnsafeBytes { try model.preprocessing.prepare(encoded: $0) }
    }
    let embeddings = try model.embeddings(of: prepared)
    let softTokens = try model.softTokens(of: embeddings)
    let items = try model.itemVectors(
      of: (0..<prepared.count).map { ItemFeatures(embedding: Array(embeddings[row: $0])) })
    for (row, image) in expected.images.enumerated() {
      // An 8-bit step in a pixel shows here: the images' own tests say how often resizing takes one.
      #expect(relativeDistance(embeddings[row: row], image.embedding) < 1e-4)
      #expect(relativeDistance(softTokens[row: row], image.softToken) < 1e-4)
      #expect(relativeDistance(items[row: row], image.itemVector) < 1e-4)
    }
  }

  @Test(arguments: goldens) func `Histories become the expected users`(golden: String) throws {
    let expected = try Expected(golden: golden)
    let model = try UserModel(checkpoint: Self.location(golden))
    let prompts = try expected.prompts(for: model)
    let hidden = try model.hiddenStates(of: prompts)
    let users = try model.userVectors(of: hidden)
    let spaces = try model.spaceVectors(of: hidden)
    for (row, history) in expected.histories.enumerated() {
      #expect(prompts[row].tokenIDs == history.tokenIds)
      #expect(relativeDistance(hidden[row: row], history.hiddenState) < Self.tolerance)
      #expect(spaces.count == history.userVectors.count)
      for (space, vectors) in spaces {
        let name = [Space.image: "img", .cf: "cf", .text: "text"][space] ?? ""
        #expect(relativeDistance(vectors[row: row], history.userVectors[name] ?? []) < Self.tolerance)
      }
      let scores = expected.images.map { image in zip(image.itemVector, users[row: row]).reduce(0) { $0 + $1.0 * $1.1 }
      }
      #expect(relativeDistance(scores, history.imageScores) < Self.tolerance)
      #expect(scores.indices.sorted { scores[$0] > scores[$1] } == history.ranking)
    }
  }

  /// A prompt's answer does not depend on the others of its batch.
  @Test(arguments: goldens) func `A prompt alone gives what it gives in a batch`(golden: String) throws {
    let expected = try Expected(golden: golden)
    let model = try UserModel(checkpoint: Self.location(golden))
    for history in expected.histories {
      let prompt = try model.prompt(
        history: zip(history.items, history.titles).map {
          HistoryEntry(title: $0.1, softToken: expected.images[$0.0].softToken)
        })
      let hidden = try model.hiddenStates(of: [prompt])
      #expect(relativeDistance(hidden[row: 0], history.hiddenState) < Self.tolerance)
    }
  }
}

/// L2 of the difference over L2 of the expected values.
func relativeDistance(_ found: some Collection<Float>, _ expected: some Collection<Float>) -> Double {
  guard found.count == expected.count, !expected.isEmpty else { return .infinity }
  let difference = zip(found, expected).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
  let size = expected.reduce(0.0) { $0 + Double($1 * $1) }
  return (difference / size).squareRoot()
}
