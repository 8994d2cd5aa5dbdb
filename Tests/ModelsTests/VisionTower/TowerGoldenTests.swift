// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

/// Goldens of scripts/make-tower-golden.py, named by ILLMREC_TOWER_GOLDENS with colons between them.
@Suite("Vision towers answer as transformers does") struct TowerGoldenTests {
  private struct Expected: Decodable {
    struct Image: Decodable {
      let file: String
      /// The first eight of the first row of each channel.
      let pixels: [Float]
      let mean: Double
      let embedding: [Float]
    }

    let family: String
    let images: [Image]
  }

  static let goldens = (ProcessInfo.processInfo.environment["ILLMREC_TOWER_GOLDENS"] ?? "")
    .split(separator: ":").map(String.init)

  /// float32's is the bar of `illmrec verify`; the others are of these small towers of random weights.
  private static let bounds: [(precision: Precision, bound: Double)] = [
    (.float32, 1e-4), (.bfloat16, 3e-2), (.int8, 1e-1),
  ]

  @Test(
    .enabled(if: !goldens.isEmpty, "ILLMREC_TOWER_GOLDENS names no golden; make check-towers makes some"),
    arguments: goldens)
  func `Images are prepared and embedded as by transformers`(_ golden: String) throws {
    let expected = try JSONDecoder().decode(
      Expected.self, from: Data(contentsOf: URL(filePath: "\(golden)/expected.json")))
    var cells: [String] = []
    for (precision, bound) in Self.bounds {
      let tower = try FrozenTower(
        checkpoint: CheckpointLocation(directory: "\(golden)/tower"), loading: LoadingOptions(precision: precision))
      let prepared = try expected.images.map { try prepare($0, of: golden, tower) }
      let embeddings = try tower.embeddings(of: prepared)
      let distances = zip(embeddings.vectors, expected.images).map { relativeDistance($0, $1.embedding) }
      let distance = distances.max() ?? .infinity
      #expect(distance < bound, "\(expected.family) in \(precision.rawValue)")
      cells.append(String(format: "%.1e", distance))
    }
    print("TOWER: | \(expected.family) | \(cells.joined(separator: " | ")) |")
  }

  private func prepare(_ image: Expected.Image, of golden: String, _ tower: FrozenTower) throws -> PreparedImage {
    let data = try Data(contentsOf: URL(filePath: "\(golden)/images/\(image.file)"))
    let prepared = try data.withUnsafeBytes { try tower.preprocessing.prepare(encoded: $0) }
    let plane = prepared.width * prepared.height
    let found = (0..<3).flatMap { Array(prepared.values[$0 * plane..<$0 * plane + 8]) }
    #expect(zip(found, image.pixels).allSatisfy { abs($0 - $1) < 1e-5 }, "\(image.file): pixels")
    let mean = prepared.values.reduce(0.0) { $0 + Double($1) } / Double(prepared.values.count)
    #expect(abs(mean - image.mean) < 1e-5, "\(image.file): mean \(mean), not \(image.mean)")
    return prepared
  }
}
