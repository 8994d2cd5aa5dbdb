// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

@Suite("Texts become vectors")
struct SentenceEncoderTests {
  static let families = TextEncoderConfiguration.Family.allCases
  /// The last is longer than the positions reach, and past the distance from which buckets are shared.
  static let texts = [
    "red lamp", "", "the blue mug, the red lamps!", "a", String(repeating: "lamp mug ", count: 120),
    "<pad> a <pad> [PAD] b", "red lamp",
  ]
  // Relative. Sums of up to 40 products in 32 bits, through two layers.
  static let tolerance = 1e-5

  private func encoder(_ fixture: TextEncoderFixture, precision: Precision = .float32) throws -> SentenceEncoder {
    try SentenceEncoder(
      directory: fixture.directory.path, threads: 2, loading: LoadingOptions(precision: precision))
  }

  private func distance(_ found: some Collection<Float>, _ expected: [Double]) -> Double {
    let squares = zip(found, expected).reduce(0.0) { $0 + pow(Double($1.0) - $1.1, 2) }
    return (squares / expected.reduce(0.0) { $0 + $1 * $1 }).squareRoot()
  }

  @Test(arguments: families) func `Means match the definition`(family: TextEncoderConfiguration.Family) throws {
    let fixture = try TextEncoderFixture(family)
    let encoder = try encoder(fixture)
    let naive = NaiveTextEncoder(fixture)
    let vectors = try encoder.encode(Self.texts)
    for (index, text) in Self.texts.enumerated() {
      let ids = encoder.tokens(of: text)
      #expect(ids.count <= encoder.maxTokens)
      #expect(distance(vectors[row: index], naive.mean(ids)) < Self.tolerance, "\(text.prefix(20))")
    }
    #expect(encoder.tokens(of: Self.texts[4]).count == encoder.maxTokens)
    #expect(encoder.maxTokens == (family == .bert ? 170 : 168))
  }

  @Test(arguments: families) func `The first token and normalising are heeded`(
    family: TextEncoderConfiguration.Family
  ) throws {
    let fixture = try TextEncoderFixture(family)
    try fixture.writeJSON(
      "modules.json",
      [
        ["path": "", "type": "sentence_transformers.models.Transformer"],
        ["path": "1_Pooling", "type": "sentence_transformers.models.Pooling"],
        ["path": "2_Normalize", "type": "sentence_transformers.models.Normalize"],
      ])
    try fixture.writeJSON(
      "1_Pooling/config.json", ["pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false])
    try fixture.writeJSON("sentence_bert_config.json", ["max_seq_length": 12, "do_lower_case": false])
    let encoder = try encoder(fixture)
    #expect(encoder.pooling == SentencePooling(kind: .first, normalises: true))
    #expect(encoder.maxTokens == 12)
    let ids = encoder.tokens(of: Self.texts[4])
    #expect(ids.count == 12 && ids.first == encoder.tokenizer.beginningID && ids.last == encoder.tokenizer.endID)
    let first = NaiveTextEncoder(fixture).hiddenStates(ids)[0]
    let length = first.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let vector = try encoder.encode([Self.texts[4]])[row: 0]
    #expect(distance(vector, first.map { $0 / length }) < Self.tolerance)
  }

  @Test(arguments: families) func `A prefix changes nothing`(family: TextEncoderConfiguration.Family) throws {
    let plain = try encoder(TextEncoderFixture(family)).encode(Self.texts)
    let prefixed = try encoder(TextEncoderFixture(family, prefix: family.rawValue + ".")).encode(Self.texts)
    #expect(plain.values == prefixed.values)
  }

  @Test(arguments: families) func `Rounded matrices stay near`(family: TextEncoderConfiguration.Family) throws {
    let fixture = try TextEncoderFixture(family)
    let exact = try encoder(fixture)
    let rounded = try encoder(fixture, precision: .bfloat16)
    let expected = try exact.encode(Self.texts).values.map(Double.init)
    let error = distance(try rounded.encode(Self.texts).values, expected)
    // bfloat16 rounds a weight by up to 2^-9, and this encoder's own scale is as large as its residual.
    #expect(error > 0 && error < 5e-2)
    #expect(exact.fingerprint != rounded.fingerprint)
  }

  @Test func `Batches hold every text once longest first`() {
    let lengths = [5, 2000, 3, 100, 2000, 100]
    let batches = SentenceEncoder.batches(lengths: lengths)
    #expect(batches == [[1], [4], [3, 5, 0, 2]])
    #expect(SentenceEncoder.batches(lengths: []).isEmpty)
  }

  @Test func `Buckets are those of the definition`() {
    for offset in -600...600 {
      #expect(RelativePositionBias.bucket(offset: offset) == NaiveTextEncoder.bucket(offset))
    }
    // Hugging Face's own: below 8 exact, 128 and beyond the last of its direction.
    let known = [-1000: 15, -128: 15, -127: 15, -16: 10, -8: 8, -7: 7, 0: 0, 1: 17, 8: 24, 20: 26, 64: 30, 200: 31]
    for (offset, bucket) in known { #expect(RelativePositionBias.bucket(offset: offset) == bucket, "\(offset)") }
  }

  @Test func `What is not computed is refused`() throws {
    let encoder = try encoder(TextEncoderFixture(.mpnet))
    #expect(throws: ModelError.self) { try encoder.vectors(ofTokens: [[0, 2], [0, 9999, 2]]) }
    #expect(throws: ModelError.self) { try encoder.vectors(ofTokens: [[]]) }
    #expect(throws: ModelError.self) { try encoder.vectors(ofTokens: [Array(repeating: 5, count: 169)]) }
    #expect(try encoder.encode([]).rows == 0)
  }
}
