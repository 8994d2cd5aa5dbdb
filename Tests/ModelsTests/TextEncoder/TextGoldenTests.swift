// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import Testing

/// Sentence encoders against Hugging Face transformers: the directories that scripts/make-text-golden.py wrote, named in
/// ILLMREC_TEXT_GOLDENS with colons between them.
@Suite("Text goldens are matched")
struct TextGoldenTests {
  private struct Expected: Decodable {
    let texts: [String]
    let tokenIds: [[Int32]]
    let vectors: [[Float]]
  }

  static let goldens = (ProcessInfo.processInfo.environment["ILLMREC_TEXT_GOLDENS"] ?? "")
    .split(separator: ":").map(String.init)

  @Test(
    .enabled(if: !goldens.isEmpty, "ILLMREC_TEXT_GOLDENS names no golden; make check-text makes some"),
    arguments: goldens)
  func `Ids are equal and vectors near`(golden: String) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let expected = try decoder.decode(Expected.self, from: Data(contentsOf: URL(filePath: golden + "/expected.json")))
    let encoder = try SentenceEncoder(directory: golden + "/encoder")
    let vectors = try encoder.encode(expected.texts)
    var largest = 0.0
    for (index, text) in expected.texts.enumerated() {
      #expect(encoder.tokens(of: text) == expected.tokenIds[index], "text \(index): \(text.prefix(60))")
      largest = max(largest, relativeDistance(Array(vectors[row: index]), expected.vectors[index]))
    }
    print("\(golden): \(expected.texts.count) texts, largest relative error \(largest)")
    // MODEL.md's bound for what an encoder gives in 32-bit floats.
    #expect(largest < 1e-4)
  }
}
