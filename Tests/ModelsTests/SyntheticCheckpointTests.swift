// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Models
import TestSupport
import Testing

@Suite("Synthetic checkpoints are made from a seed")
struct SyntheticCheckpointTests {
  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

  @Test func `Equal seeds give equal files`() throws {
    let (one, two, three) = (try TemporaryDirectory(), try TemporaryDirectory(), try TemporaryDirectory())
    for (directory, seed) in [(one, UInt64(5)), (two, 5), (three, 6)] {
      try SyntheticCheckpoint.write(to: directory.path, shape: .tiny, seed: seed, text: SyntheticModels.titles)
    }
    for file in try FileManager.default.subpathsOfDirectory(atPath: one.path) where file.contains(".") {
      #expect(try bytes("\(one.path)/\(file)") == bytes("\(two.path)/\(file)"), "\(file)")
    }
    #expect(
      try bytes(one.path + "/llm/model.safetensors") != bytes(three.path + "/llm/model.safetensors"))
  }

  /// Characters of any script have pieces, however small the vocabulary.
  @Test(arguments: [[], ["名前 マグ ☕️", "Füße", "тест", String(repeating: "x", count: 5000)]])
  func `Any text will do`(text: [String]) throws {
    let directory = try TemporaryDirectory()
    try SyntheticCheckpoint.write(to: directory.path, shape: .tiny, seed: 1, text: text)
    let location = CheckpointLocation(directory: directory.path)
    let model = try UserModel(checkpoint: location, configuration: .init(threads: 1))
    #expect(try model.prompt(history: [HistoryEntry(title: "☕️ name", softToken: nil)]).tokenCount > 10)
  }

  /// Twelve numbers a region: its mean red, green and blue, then strengths of edges, centred and scaled.
  @Test(arguments: [Precision.float32, .bfloat16, .int8])
  func `The demo's tower sees colours and edges where they are`(precision: Precision) throws {
    let directory = try TemporaryDirectory()
    try SyntheticCheckpoint.write(to: directory.path, seed: 1, text: SyntheticModels.titles)
    let model = try ImageModel(
      checkpoint: CheckpointLocation(directory: directory.path), spaces: [.image], threads: 1,
      loading: LoadingOptions(precision: precision))
    #expect(model.embeddingDim == 192 && model.preprocessing.height == 112)
    /// Grey, but for the first region's red, and vertical stripes in the last one.
    let plain = Self.image { _, _, _ in 0.2 }
    let drawn = Self.image { channel, row, column in
      if row < 28, column < 28 { return channel == 0 ? 0.8 : -0.4 }
      if row >= 84, column >= 84 { return column % 14 < 7 ? 0.9 : -0.5 }
      return 0.2
    }
    let embeddings = try model.embeddings(of: [plain, drawn])
    let (before, after) = (Array(embeddings[row: 0]), Array(embeddings[row: 1]))
    let tolerance: Float = precision == .float32 ? 0.05 : 0.3
    for region in 0..<16 {
      let changes = (0..<12).map { after[12 * region + $0] - before[12 * region + $0] }
      switch region {
      case 0:
        // 6 times the change of the mean; no edges.
        #expect(abs(changes[0] - 3.6) < 0.4 && abs(changes[1] + 3.6) < 0.4, "\(changes)")
      case 15:
        // The first wave across answers 1.4 / 2 · 2 · 2 / pi of what is 18 times as strong; the mean is the same.
        #expect(abs(changes[0]) < 0.4 && changes[3] > 5 && abs(changes[4]) < 0.4, "\(changes)")
      default: #expect(changes.allSatisfy { abs($0) < tolerance }, "\(changes)")
      }
    }
  }

  private static func image(_ value: (Int, Int, Int) -> Float) -> PreparedImage {
    PreparedImage(
      height: 112, width: 112,
      values: (0..<3 * 112 * 112).map { value($0 / (112 * 112), $0 / 112 % 112, $0 % 112) })
  }

  @Test func `An unwritable directory is named`() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write([1], to: "file")
    let error = #expect(throws: ModelError.self) {
      try SyntheticCheckpoint.write(to: file + "/checkpoint", shape: .tiny, seed: 1, text: [])
    }
    #expect(error?.code == .unwritable)
  }
}
