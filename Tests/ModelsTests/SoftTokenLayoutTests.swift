// SPDX-License-Identifier: Apache-2.0

import Models
import TestSupport
import Testing

@Suite("A checkpoint says what its soft tokens are made of")
struct SoftTokenLayoutTests {
  private let directory: TemporaryDirectory
  private let checkpoint: CheckpointLocation

  init() throws { (directory, checkpoint) = try SyntheticModels.copy() }

  private var configuration: String { checkpoint.recModule + "/config.json" }

  @Test func `The published layout is that of a checkpoint without the keys`() throws {
    #expect(try checkpoint.trainingNotes().softTokens == .published)
    #expect(TrainingNotes(softTokens: .published).members == "")
  }

  @Test func `The keys are read as they are written`() throws {
    let notes = TrainingNotes(softTokens: SoftTokenLayout(features: [.text, .image], positions: 12))
    #expect(notes.members == ", \"soft_token_features\": [\"img\", \"text\"], \"soft_token_positions\": 12")
    try SyntheticModels.rewriteJSON(
      configuration, ["soft_token_features": ["img", "text"], "soft_token_positions": 12])
    #expect(try checkpoint.trainingNotes().softTokens == notes.softTokens)
  }

  @Test func `Keys that say nothing that can be are refused`() throws {
    let wrong: [[String: Any?]] = [
      ["soft_token_features": ["img", "audio"]], ["soft_token_features": ["img", "img"]], ["soft_token_features": []],
      ["soft_token_features": ["img"]], ["soft_token_features": nil, "soft_token_positions": 3],
      ["soft_token_features": ["img"], "soft_token_positions": -1],
      ["soft_token_features": ["img"], "soft_token_positions": 10_001],
    ]
    for keys in wrong {
      try SyntheticModels.rewriteJSON(configuration, keys)
      let error = #expect(throws: ModelError.self, "\(keys)") { try checkpoint.trainingNotes() }
      #expect(error?.message.contains("soft_token_") == true)
    }
  }

  @Test func `Weights that the keys do not name are refused`() throws {
    for name in ["soft_token.positions", "soft_token.proj.weight"] {
      let (directory, copy) = try SyntheticModels.copy()
      try SyntheticModels.rewrite(copy.recModule + "/model.safetensors") { tensors in
        tensors.append(.init(name, shape: [2, 2], values: [1, 2, 3, 4]))
      }
      let errors = [
        #expect(throws: ModelError.self) { try ImageModel(checkpoint: copy, spaces: [.image], threads: 1) },
        #expect(throws: ModelError.self) { try UserModel(checkpoint: copy, configuration: .init(threads: 1)) },
      ]
      for error in errors { #expect(error?.code == .malformed && error?.message.contains(name) == true) }
      withExtendedLifetime(directory) {}
    }
  }

  @Test func `A feature that an item has is read in its own length`() throws {
    let model = try ImageModel(checkpoint: checkpoint, spaces: [.image], threads: 1)
    #expect(model.tokenFeatures == [.image] && model.hasSoftToken(ItemFeatures(embedding: [1])))
    #expect(!model.hasSoftToken(ItemFeatures(cf: [1], text: [1])))
    for item in [ItemFeatures(embedding: [1]), ItemFeatures(cf: [1])] {
      let error = #expect(throws: ModelError.self) { try model.softTokens(of: [item]) }
      #expect(error?.code == .invalidInput)
    }
  }
}
