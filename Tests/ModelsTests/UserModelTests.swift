// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import Synchronization
import TestSupport
import Testing

@Suite("Histories become user vectors")
struct UserModelTests {
  private func history(_ count: Int, seed: Float = 0) -> [HistoryEntry] {
    (0..<count).map { index in
      HistoryEntry(
        title: SyntheticModels.titles[index % SyntheticModels.titles.count],
        softToken: (0..<32).map { sin(Float($0) + Float(index) * 3 + seed) })
    }
  }

  private func model(_ configuration: UserModel.Configuration = .init(threads: 2)) throws -> UserModel {
    try UserModel(checkpoint: SyntheticModels.location(), configuration: configuration)
  }

  @Test func `Sizes come from the checkpoint`() throws {
    let model = try model(.init(spaces: [.text, .image], threads: 1))
    #expect(model.spaces == [.image, .text])
    #expect((model.llmDim, model.embeddingDim, model.spaceDim, model.userVectorDim) == (32, 24, 12, 24))
    #expect(model.spaceWeights == [0.5, 0.5])
  }

  @Test func `A batch gives what each prompt gives alone`() throws {
    let model = try model()
    let single = try UserModel(checkpoint: SyntheticModels.location(), configuration: .init(threads: 1))
    let prompts = try [1, 7, 3, 10, 2].map { try model.prompt(history: history($0)) }
    let together = try model.hiddenStates(of: prompts)
    for (row, prompt) in prompts.enumerated() {
      #expect(try single.hiddenStates(of: [prompt])[row: 0] == together[row: row])
    }
    #expect(try model.hiddenStates(of: []).rows == 0)
  }

  @Test func `Different soft tokens give different users`() throws {
    let model = try model()
    let prompts = try [0, 1].map { try model.prompt(history: history(3, seed: Float($0))) }
    let users = try model.userVectors(of: model.hiddenStates(of: prompts))
    #expect(relativeDistance(users[row: 0], users[row: 1]) > 0.01)
  }

  @Test func `Blocks are scaled by their weights`() throws {
    let model = try model(.init(spaces: [.text, .image], spaceWeights: [0.25, 2], threads: 1))
    let hidden = try model.hiddenStates(of: [model.prompt(history: history(2))])
    let users = try model.userVectors(of: hidden)
    let spaces = try model.spaceVectors(of: hidden)
    #expect(spaces.map(\.space) == [.image, .cf, .text])
    let image = Array(spaces[0].vectors[row: 0].map { $0 * 2 })
    let text = Array(spaces[2].vectors[row: 0].map { $0 * 0.25 })
    #expect(Array(users[row: 0]) == image + text)
  }

  /// Asked once before each of the two layers.
  @Test(arguments: [1, 2]) func `Cancellation stops between layers`(layer: Int) throws {
    let model = try model()
    let prompt = try model.prompt(history: history(2))
    var asked = 0
    let error = #expect(throws: ModelError.self) {
      try model.hiddenStates(of: [prompt]) {
        asked += 1
        return asked == layer
      }
    }
    #expect(error?.code == .cancelled)
    #expect(asked == layer)
  }

  @Test func `Prompts without soft tokens are only counted`() throws {
    let model = try model()
    let prompt = try model.prompt(history: [HistoryEntry(title: "a", softToken: nil)])
    #expect(prompt.softTokens.isEmpty)
    #expect(#expect(throws: ModelError.self) { try model.hiddenStates(of: [prompt]) }?.code == .invalidInput)
  }

  @Test func `Matrices of another width are refused`() throws {
    let model = try model()
    let matrix = Matrix(rows: 1, columns: 31)
    #expect(#expect(throws: ModelError.self) { try model.softTokens(of: matrix) }?.code == .invalidInput)
    #expect(#expect(throws: ModelError.self) { try model.userVectors(of: matrix) }?.code == .invalidInput)
    var bad = Matrix(rows: 2, columns: 24)
    bad.replace(row: 1, from: 6, with: [.nan])
    let error = #expect(throws: ModelError.self) { try model.softTokens(of: bad) }
    #expect(error?.code == .notFinite)
    #expect(error?.message.contains("embedding 1 is NaN or infinite at element 6") == true)
  }

  @Test func `Huge soft tokens are reported not returned`() throws {
    let model = try model()
    let entry = HistoryEntry(title: "a", softToken: [Float](repeating: 3e38, count: 32))
    let prompt = try model.prompt(history: [entry])
    #expect(#expect(throws: ModelError.self) { try model.hiddenStates(of: [prompt]) }?.code == .notFinite)
  }

  /// Services call it from several threads when they batch badly: slower, never wrong.
  @Test func `Several threads may call at once`() async throws {
    let model = try model()
    let prompt = try model.prompt(history: history(4))
    let expected = try model.hiddenStates(of: [prompt]).values
    try await withThrowingTaskGroup(of: [Float].self) { group in
      for _ in 0..<4 { group.addTask { try model.hiddenStates(of: [prompt]).values } }
      for try await values in group { #expect(values == expected) }
    }
  }

  @Test func `Trained embeddings replace the LLM's`() throws {
    let (directory, location) = try SyntheticModels.copy()
    let rows = try LlamaTokenizer(directory: location.directory + "/llm").pieceCount + 1
    var pickle = TorchFileBuilder.Pickle()
    pickle.addTensor(key: "0", elements: rows * 32, shape: [rows, 32], strides: [32, 1])
    let values = (0..<rows * 32).map { cos(Float($0)) }
    try directory.write(
      TorchFileBuilder(pickle: pickle, storages: ["0": values.float32Bytes]).bytes(),
      to: "checkpoint/llm_parameter/token_embed.pth")
    let trained = try UserModel(checkpoint: location, configuration: .init(threads: 1))
    let frozen = try model()
    let prompt = try frozen.prompt(history: history(2))
    #expect(
      relativeDistance(try trained.hiddenStates(of: [prompt]).values, try frozen.hiddenStates(of: [prompt]).values)
        > 0.1)
    #expect(trained.fingerprints.model != frozen.fingerprints.model)
    #expect(trained.fingerprints.space == frozen.fingerprints.space)
  }

  @Test func `The LLM may have a directory of its own`() throws {
    let (directory, location) = try SyntheticModels.copy()
    let weights = directory.path + "/elsewhere"
    try FileManager.default.createDirectory(atPath: weights, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.moveItem(atPath: "\(location.directory)/llm/\(name)", toPath: "\(weights)/\(name)")
    }
    let apart = try UserModel(
      checkpoint: CheckpointLocation(directory: location.directory, llmWeights: weights),
      configuration: .init(threads: 1))
    let whole = try UserModel(checkpoint: SyntheticModels.location(), configuration: .init(threads: 1))
    let prompt = try whole.prompt(history: history(2))
    #expect(try apart.hiddenStates(of: [prompt]) == whole.hiddenStates(of: [prompt]))
    #expect(apart.fingerprints == whole.fingerprints)
  }

  /// The published code scales positions when it trains with a longer context than the LLM was made for.
  @Test func `A longer trained context scales positions`() throws {
    let (directory, location) = try SyntheticModels.copy()
    let plain = try model()
    let prompt = try plain.prompt(history: history(2))
    let expected = try plain.hiddenStates(of: [prompt])
    try SyntheticModels.rewriteJSON(location.directory + "/llm/config.json", ["max_position_embeddings": 2048])
    try directory.write(#"{"llm_cfg":{"model_max_length":5000}}"#, to: "checkpoint/config.json")
    let long = try UserModel(checkpoint: location, configuration: .init(threads: 1)).hiddenStates(of: [prompt])
    try FileManager.default.removeItem(atPath: location.directory + "/config.json")
    try SyntheticModels.rewriteJSON(
      location.directory + "/llm/config.json", ["rope_scaling": ["type": "linear", "factor": 3.0]])
    let scaled = try UserModel(checkpoint: location, configuration: .init(threads: 1)).hiddenStates(of: [prompt])
    #expect(long == scaled)
    #expect(relativeDistance(long.values, expected.values) > 1e-3)
  }
}
