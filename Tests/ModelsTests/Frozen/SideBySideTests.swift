// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Synchronization
import TestSupport
import Testing

@testable import Models

/// Several trainings over one tower and one LLM: each answers as if it were alone, and what is frozen is there once.
@Suite("Trainings stand side by side")
struct SideBySideTests {
  private func history(_ count: Int, seed: Float) -> [HistoryEntry] {
    (0..<count).map { index in
      HistoryEntry(
        title: SyntheticModels.titles[index % SyntheticModels.titles.count],
        softToken: (0..<32).map { sin(Float($0) + Float(index) * 3 + seed) })
    }
  }

  private func configuration(_ precision: Precision = .float32, cacheBytes: Int = 0) -> UserModel.Configuration {
    .init(
      spaces: [.image, .text], threads: 2, prefixCacheBytes: cacheBytes, loading: LoadingOptions(precision: precision))
  }

  private func hiddenStates(_ model: UserModel, _ requests: [EncodingRequest]) throws -> [[Float]] {
    try model.encode(requests).map { try $0.get().hiddenState }
  }

  @Test(arguments: [Precision.float32, .bfloat16, .int8])
  func `A mixed batch gives each training's answers to the bit`(precision: Precision) throws {
    let (first, second) = (
      try SyntheticModels.training(seed: 1, trainedTokens: [5, 9, 300]), try SyntheticModels.training(seed: 2)
    )
    let configuration = configuration(precision)
    let frozen = try FrozenLLM(checkpoint: SyntheticModels.location(), configuration: configuration)
    let shared = try [first, second].map { try UserModel(checkpoint: $0.location, over: frozen) }
    let alone = try [first, second].map { try UserModel(checkpoint: $0.location, configuration: configuration) }
    let prompts = try [(3, 0), (5, 1), (3, 2), (5, 3)].map { count, seed in
      try shared[0].prompt(history: history(count, seed: seed))
    }
    let mixed = try hiddenStates(
      shared[0], prompts.enumerated().map { EncodingRequest(prompt: $1, training: shared[$0 % 2]) })
    for training in 0...1 {
      #expect(alone[training].fingerprints == shared[training].fingerprints)
      let expected = try prompts.map { try hiddenStates(alone[training], [EncodingRequest(prompt: $0)])[0] }
      for index in [training, training + 2] {
        #expect(mixed[index] == expected[index])
        let states = Matrix(rows: 1, columns: 32, values: mixed[index])
        #expect(try shared[training].userVectors(of: states) == alone[training].userVectors(of: states))
        #expect(try shared[1 - training].userVectors(of: states) != alone[training].userVectors(of: states))
      }
      #expect(mixed[1 - training] != expected[1 - training], "the two differ where nobody mixes them up")
    }
  }

  @Test func `Item vectors and soft tokens are each training's own`() throws {
    let trainings = try [SyntheticModels.training(seed: 1), SyntheticModels.training(seed: 2)]
    let tower = try FrozenTower(checkpoint: SyntheticModels.location(), threads: 2)
    let embeddings = Matrix(rows: 2, columns: 24, values: (0..<48).map { sin(Float($0)) })
    var seen: [Matrix] = []
    for training in trainings {
      let shared = try ImageModel(checkpoint: training.location, spaces: [.image], over: tower)
      let alone = try ImageModel(checkpoint: training.location, spaces: [.image], threads: 2)
      #expect(shared.frozen === tower && shared.fingerprints == alone.fingerprints)
      #expect(try shared.softTokens(of: embeddings) == alone.softTokens(of: embeddings))
      let items = embeddings.vectors.map { ItemFeatures(embedding: $0) }
      #expect(try shared.itemVectors(of: items) == alone.itemVectors(of: items))
      seen.append(try shared.softTokens(of: embeddings))
    }
    #expect(seen[0] != seen[1])
  }

  @Test(arguments: [Precision.bfloat16, .int8]) func `Frozen parts are packed once`(precision: Precision) throws {
    let packed = Counter()
    let loading = LoadingOptions(precision: precision) { event in
      if case .progress(let what, _, _) = event, what.hasPrefix("packing") { packed.increment() }
    }
    let location = try SyntheticModels.location()
    let frozen = try FrozenLLM(checkpoint: location, configuration: .init(threads: 1, loading: loading))
    let tower = try FrozenTower(checkpoint: location, threads: 1, loading: loading)
    let once = packed.value
    #expect(once > 0)
    for seed in 1...3 {
      let training = try SyntheticModels.training(seed: UInt64(seed))
      let users = try UserModel(checkpoint: training.location, over: frozen)
      #expect(users.llm === frozen.llm && users.team === frozen.team && users.prefixCache === frozen.prefixCache)
      let images = try ImageModel(checkpoint: training.location, spaces: [.image], over: tower)
      #expect(images.frozen.tower === tower.tower)
    }
    #expect(packed.value == once)
  }

  @Test func `Of the token embeddings only the rows that were trained are held`() throws {
    let frozen = try FrozenLLM(checkpoint: SyntheticModels.location(), configuration: configuration())
    let rows = try #require(frozen.tokenEmbeddings).rows
    func model(_ training: (directory: TemporaryDirectory, location: CheckpointLocation)) throws -> UserModel {
      try UserModel(checkpoint: training.location, over: frozen)
    }
    let without = try model(try SyntheticModels.training(seed: 1))
    let same = try SyntheticModels.training(seed: 1)
    try SyntheticModels.trainTokens([], of: same.location, in: same.directory, values: [])
    let few = try model(try SyntheticModels.training(seed: 1, trainedTokens: [5, 9, 300]))
    let most = try model(try SyntheticModels.training(seed: 1, trainedTokens: Array(0..<rows - 3)))
    for model in [without, try model(same), few] { #expect(model.tokenEmbeddings.shares(frozen.tokenEmbeddings)) }
    #expect(!most.tokenEmbeddings.shares(frozen.tokenEmbeddings))
    #expect(try model(same).ownBytes == without.ownBytes)
    // A row of 32 floats each, and where every row is.
    #expect(few.ownBytes == without.ownBytes + 3 * 32 * 4 + rows * 4)
    #expect(most.ownBytes == without.ownBytes + rows * 32 * 4)
  }

  @Test func `Trainings with the same token embeddings hold them once`() throws {
    let frozen = try FrozenLLM(checkpoint: SyntheticModels.location(), configuration: configuration())
    let (first, second) = (try SyntheticModels.training(seed: 1), try SyntheticModels.training(seed: 2))
    for training in [first, second] {
      try SyntheticModels.trainTokens(
        [5, 9], of: training.location, in: training.directory, values: (0..<32).map { Float($0) })
    }
    let models = try [first, second].map { try UserModel(checkpoint: $0.location, over: frozen) }
    #expect(models[0].tokenEmbeddings === models[1].tokenEmbeddings)
  }

  @Test func `A training is computed with as it was when it was loaded`() throws {
    let training = try SyntheticModels.training(seed: 1, trainedTokens: [5])
    let frozen = try FrozenLLM(checkpoint: SyntheticModels.location(), configuration: configuration())
    let model = try UserModel(checkpoint: training.location, over: frozen)
    let prompt = try model.prompt(history: history(2, seed: 0))
    let expected = try model.userVectors(of: model.hiddenStates(of: [prompt]))
    for path in [training.location.recModule + "/model.safetensors", training.location.tokenEmbeddings] {
      // In place, as cp does it: the file is the same, and what is mapped of it changes.
      let file = try FileHandle(forUpdating: URL(filePath: path))
      let count = Int(try file.seekToEnd())
      try file.seek(toOffset: 0)
      try file.write(contentsOf: Data(repeating: 1, count: count))
      try file.close()
    }
    #expect(try model.userVectors(of: model.hiddenStates(of: [prompt])) == expected)
  }

  @Test func `An unloaded training leaves the frozen part and frees its own`() throws {
    let frozen = try FrozenLLM(
      checkpoint: SyntheticModels.location(), configuration: configuration(cacheBytes: 1 << 22))
    weak var embeddings: TokenEmbeddings?
    weak var gone: UserModel?
    do {
      let training = try SyntheticModels.training(seed: 1, trainedTokens: [5])
      let model = try UserModel(checkpoint: training.location, over: frozen)
      (gone, embeddings) = (model, model.tokenEmbeddings)
      #expect(gone != nil)
    }
    #expect(gone == nil && embeddings == nil)
    _ = try UserModel(checkpoint: SyntheticModels.location(), over: frozen)
  }

  @Test func `The prefix cache keeps trainings apart`() throws {
    let frozen = try FrozenLLM(
      checkpoint: SyntheticModels.location(), configuration: configuration(cacheBytes: 1 << 24))
    let trainings = try (1...2).map { try SyntheticModels.training(seed: UInt64($0), trainedTokens: [5 * $0]) }
    let models = try trainings.map { try UserModel(checkpoint: $0.location, over: frozen) }
    let prompt = try models[0].prompt(history: history(4, seed: 0))
    let keys = models.map { $0.prefixKeys(of: prompt) }
    #expect(Set(keys[0]).isDisjoint(with: keys[1]))
    let requests = zip(models, keys).map { EncodingRequest(prompt: prompt, prefixKeys: $1, training: $0) }
    let cold = try models[0].encode(requests).map { try $0.get() }
    let warm = try models[1].encode(requests.reversed()).map { try $0.get() }.reversed()
    for (index, (before, after)) in zip(cold, warm).enumerated() {
      #expect(after.cachedTokens > before.cachedTokens)
      #expect(after.hiddenState == before.hiddenState)
      let plain = try UserModel(checkpoint: trainings[index].location, configuration: configuration())
      #expect(after.hiddenState == (try plain.hiddenStates(of: [prompt]).values))
    }
  }
}
