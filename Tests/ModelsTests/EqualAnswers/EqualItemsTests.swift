// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

/// The rule of ``EqualAnswersTests`` for images and texts.
@Suite("Equal items get equal vectors")
struct EqualItemsTests {
  static let precisions = [Precision.float32, .bfloat16, .int8]

  private func image(_ seed: Int) -> PreparedImage {
    PreparedImage(height: 28, width: 28, values: (0..<3 * 28 * 28).map { sin(Float($0 * (seed + 2)) / 50) })
  }

  @Test(arguments: precisions, [1, 2, 3]) func `An image gives the same bits in any batch`(
    precision: Precision, threads: Int
  ) throws {
    let location = try SyntheticModels.location()
    func model(threads: Int) throws -> ImageModel {
      try ImageModel(
        checkpoint: location, spaces: [.image], threads: threads, loading: LoadingOptions(precision: precision))
    }
    let (model, single) = (try model(threads: threads), try model(threads: 1))
    let images = (0..<40).map(image)
    let alone = try images.map { try single.embeddings(of: [$0]).values }
    let items = try alone.map { try single.itemVectors(of: [ItemFeatures(embedding: $0)]).values }
    let tokens = try alone.map { try single.softTokens(of: Matrix(rows: 1, columns: 24, values: $0)).values }
    for count in [1, 2, 3, 5, 6, 7, 13, 14, 15, 40] {
      let embeddings = try model.embeddings(of: Array(images.suffix(count)))
      #expect(embeddings.vectors == Array(alone.suffix(count)), "\(count)")
      let vectors = try model.itemVectors(of: embeddings.vectors.map { ItemFeatures(embedding: $0) })
      #expect(vectors.vectors == Array(items.suffix(count)), "\(count)")
      #expect(try model.softTokens(of: embeddings).vectors == Array(tokens.suffix(count)), "\(count)")
    }
  }

  @Test(arguments: precisions, TextEncoderConfiguration.Family.allCases)
  func `A text gives the same bits in any batch`(
    precision: Precision, family: TextEncoderConfiguration.Family
  ) throws {
    let fixture = try TextEncoderFixture(family)
    func encoder(threads: Int) throws -> SentenceEncoder {
      try SentenceEncoder(
        directory: fixture.directory.path, threads: threads, loading: LoadingOptions(precision: precision))
    }
    let texts = (0..<60).map { String(repeating: "lamp mug blue ", count: $0 * 3 % 50) + "the \($0 % 7)" }
    let single = try encoder(threads: 1)
    let alone = try texts.map { try single.encode([$0]).values }
    for threads in [1, 2, 3] {
      let encoder = try encoder(threads: threads)
      for count in [1, 2, 7, 60] {
        #expect(try encoder.encode(Array(texts.prefix(count))).vectors == Array(alone.prefix(count)), "\(count)")
      }
    }
  }
}
