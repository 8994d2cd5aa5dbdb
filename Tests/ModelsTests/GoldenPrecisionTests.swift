// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Models
import TestSupport
import Testing

/// The goldens in bfloat16 and int8, on every way that this machine has to multiply them.
@Suite(
  "Goldens come near in lower precision",
  .enabled(if: SharedFiles.has("goldens"), "set ILLMREC_SHARED to the directory that holds goldens/"))
struct GoldenPrecisionTests {
  struct Way: Sendable, CustomTestStringConvertible {
    let golden: String
    let precision: Precision
    let path: ComputePath
    var testDescription: String { "\(golden.split(separator: "/").last ?? "") \(precision) \(path.rawValue)" }
  }

  static let ways = GoldenTests.goldens.flatMap { golden in
    [Precision.bfloat16, .int8].flatMap { precision in
      ComputePath.allCases.filter { $0.isSupported(for: precision) }.map {
        Way(golden: golden, precision: precision, path: $0)
      }
    }
  }

  /// bfloat16's is the bar; int8's is twice the 5e-2 that was measured on these small models of random weights.
  private static func bound(_ precision: Precision) -> Double { precision == .bfloat16 ? 3e-2 : 1e-1 }

  @Test(arguments: ways) func `Images come near`(way: Way) throws {
    let expected = try GoldenTests.Expected(golden: way.golden)
    let model = try ImageModel(
      checkpoint: GoldenTests.location(way.golden), spaces: [.image],
      loading: LoadingOptions(precision: way.precision, computePath: way.path))
    let prepared = try expected.images.map { image in
      let data = try Data(contentsOf: URL(filePath: "\(way.golden)/images/\(image.file)"))
      return try data.withUnsafeBytes { try model.preprocessing.prepare(encoded: $0) }
    }
    let embeddings = try model.embeddings(of: prepared)
    let items = try model.itemVectors(
      of: (0..<prepared.count).map { ItemFeatures(embedding: Array(embeddings[row: $0])) })
    for (row, image) in expected.images.enumerated() {
      #expect(relativeDistance(embeddings[row: row], image.embedding) < Self.bound(way.precision))
      #expect(relativeDistance(items[row: row], image.itemVector) < Self.bound(way.precision))
    }
  }

  @Test(arguments: ways) func `Users come near`(way: Way) throws {
    let expected = try GoldenTests.Expected(golden: way.golden)
    let model = try UserModel(
      checkpoint: GoldenTests.location(way.golden),
      configuration: .init(loading: LoadingOptions(precision: way.precision, computePath: way.path)))
    let prompts = try expected.prompts(for: model)
    let hidden = try model.hiddenStates(of: prompts)
    let users = try model.userVectors(of: hidden)
    var worst = 0.0
    for (row, history) in expected.histories.enumerated() {
      worst = max(worst, relativeDistance(hidden[row: row], history.hiddenState))
      worst = max(worst, relativeDistance(users[row: row], history.userVectors["img"] ?? []))
    }
    #expect(worst < Self.bound(way.precision), "\(worst)")
  }
}
