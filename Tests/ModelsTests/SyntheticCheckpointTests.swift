// SPDX-License-Identifier: Apache-2.0

import Foundation
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

  @Test func `An unwritable directory is named`() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write([1], to: "file")
    let error = #expect(throws: ModelError.self) {
      try SyntheticCheckpoint.write(to: file + "/checkpoint", shape: .tiny, seed: 1, text: [])
    }
    #expect(error?.code == .unwritable)
  }
}
