// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Testing

@testable import Models

/// What the cache changes of a model's work; its answers are the same to the last bit, see ``EqualAnswersTests``.
@Suite("Computed prefixes are used again")
struct PrefixReuseTests {
  private func history(_ items: Range<Int>) -> [HistoryEntry] {
    items.map { index in
      HistoryEntry(
        title: "\(index) \(SyntheticModels.titles[index % SyntheticModels.titles.count])",
        softToken: (0..<32).map { sin(Float($0) + Float(index) * 3) })
    }
  }

  private func model(
    bytes: Int = 1 << 24, element: RowStorage.Element = .float32, precision: Precision = .float32
  ) throws -> UserModel {
    try UserModel(
      checkpoint: SyntheticModels.location(),
      configuration: .init(
        threads: 2, prefixCacheBytes: bytes, prefixCacheElement: element,
        loading: LoadingOptions(precision: precision)))
  }

  private func request(_ model: UserModel, _ items: Range<Int>, scope: String = "") throws -> EncodingRequest {
    let prompt = try model.prompt(history: history(items))
    return EncodingRequest(prompt: prompt, prefixKeys: model.prefixKeys(of: prompt, scope: scope))
  }

  private func encode(_ model: UserModel, _ requests: EncodingRequest...) throws -> [EncodedPrompt] {
    try model.encode(requests).map { try $0.get() }
  }

  /// Of a block.
  private let positions = UserModel.Configuration().prefixBlockTokens

  /// Tokens in whole blocks that both prompts begin with; their soft tokens must be equal as far as the ids are.
  private func common(_ a: EncodingRequest, _ b: EncodingRequest) -> Int {
    zip(a.prompt.tokenIDs, b.prompt.tokenIDs).prefix { $0 == $1 }.count / positions * positions
  }

  private func instructionTokens(_ model: UserModel) -> Int { model.prompts.instruction.count / positions * positions }

  @Test func `The instruction is computed at the start`() throws {
    let model = try model()
    let tokens = instructionTokens(model)
    #expect(tokens > 16)
    let statistics = try #require(model.prefixCacheStatistics)
    #expect(statistics.blocks == tokens / positions)
    #expect(statistics.promptTokens == 0)
    let first = try encode(model, request(model, 0..<3))[0]
    #expect(first.cachedTokens == tokens)
  }

  @Test func `A grown history pays for what is new`() throws {
    let (model, plain) = (try model(), try model(bytes: 0))
    var expectedCached = instructionTokens(model)
    for count in 1...9 {
      let request = try request(model, 0..<count)
      let encoded = try encode(model, request)[0]
      #expect(encoded.cachedTokens == expectedCached)
      let expected = try plain.hiddenStates(of: [request.prompt]).values
      #expect(encoded.hiddenState == expected)
      expectedCached = common(request, try self.request(model, 0..<count + 1))
    }
    let statistics = try #require(model.prefixCacheStatistics)
    #expect(statistics.cachedTokens > statistics.promptTokens / 2)
  }

  @Test func `The same history again costs less than a block`() throws {
    let model = try model()
    let request = try request(model, 0..<4)
    let (first, second) = (try encode(model, request)[0], try encode(model, request)[0])
    #expect(second.cachedTokens == request.prompt.tokenIDs.count / positions * positions)
    #expect(second.hiddenState == first.hiddenState)
  }

  /// The window slides: every item stands at another position, and nothing but the instruction is shared.
  @Test func `A history past the window shares the instruction`() throws {
    let model = try model()
    _ = try encode(model, request(model, 0..<10))
    #expect(try encode(model, request(model, 0..<11))[0].cachedTokens == instructionTokens(model))
  }

  /// bfloat16 keeps 8 bits of every key and value: 2^-9 in the mean, which the two layers pass on about as it is.
  /// Matrices in bfloat16 or int8 are the same with the cache and without it; int8 rounds a row by its largest value, so that
  /// a little difference may move a few of its steps.
  @Test(arguments: [(Precision.float32, 1e-2), (.bfloat16, 1e-2), (.int8, 2e-2)])
  func `bfloat16 stores within its bound`(precision: Precision, bound: Double) throws {
    let (model, plain) = (
      try model(element: .bfloat16, precision: precision), try model(bytes: 0, precision: precision)
    )
    _ = try encode(model, request(model, 0..<8))
    let request = try request(model, 0..<9)
    let encoded = try encode(model, request)[0]
    #expect(encoded.cachedTokens > 100)
    let error = relativeDistance(encoded.hiddenState, try plain.hiddenStates(of: [request.prompt]).values)
    #expect(error < bound)
    #expect(error > 0)
  }

  @Test func `Prompts of one batch compute their beginning once`() throws {
    let (model, plain) = (try model(), try model(bytes: 0))
    let requests = try [0..<3, 0..<4, 0..<6, 5..<7, 0..<3].map { try request(model, $0) }
    let encoded = try model.encode(requests).map { try $0.get() }
    let instruction = instructionTokens(model)
    #expect(
      encoded.map(\.cachedTokens) == [
        instruction, common(requests[0], requests[1]), common(requests[1], requests[2]), instruction,
        requests[4].prompt.tokenIDs.count / positions * positions,
      ])
    for (request, encoded) in zip(requests, encoded) {
      let alone = try plain.hiddenStates(of: [request.prompt]).values
      #expect(encoded.hiddenState == alone)
    }
    // And what they computed is there for the next.
    #expect(try encode(model, requests[2])[0].cachedTokens == requests[2].prompt.tokenIDs.count / positions * positions)
  }

  @Test func `Tenants do not see each other`() throws {
    let model = try model()
    _ = try encode(model, request(model, 0..<5, scope: "a"))
    let instruction = instructionTokens(model)
    #expect(try encode(model, request(model, 0..<5, scope: "b"))[0].cachedTokens == instruction)
    #expect(try encode(model, request(model, 0..<5))[0].cachedTokens == instruction)
    #expect(try encode(model, request(model, 0..<5, scope: "a"))[0].cachedTokens > 2 * instruction)
    let together = try encode(model, request(model, 0..<6, scope: "c"), request(model, 0..<6, scope: "d"))
    #expect(together.map(\.cachedTokens) == [instruction, instruction])
  }

  @Test func `Without bytes nothing is kept`() throws {
    let model = try model(bytes: 0)
    #expect(model.prefixCacheStatistics == nil)
    let request = try request(model, 0..<3)
    #expect(request.prefixKeys.isEmpty)
    #expect(model.cachedTokens(request.prefixKeys) == 0)
    #expect(try encode(model, request, request).map(\.cachedTokens) == [0, 0])
  }

  /// Room for 96 positions: less than a prompt has.
  @Test func `A budget below one prompt is respected`() throws {
    let bytes = 96 * 2 * 2 * 16 * 4
    let (model, plain) = (try model(bytes: bytes + 100), try model(bytes: 0))
    for items in [0..<6, 0..<7, 3..<9, 0..<7] {
      let request = try request(model, items)
      let encoded = try encode(model, request)[0]
      #expect(encoded.cachedTokens <= 96)
      #expect(encoded.cachedTokens >= instructionTokens(model))
      let expected = try plain.hiddenStates(of: [request.prompt]).values
      #expect(encoded.hiddenState == expected)
      let statistics = try #require(model.prefixCacheStatistics)
      #expect(statistics.usedBytes <= bytes)
    }
    #expect(try #require(model.prefixCacheStatistics).evictedBlocks > 0)
  }

  @Test func `A budget below one block keeps nothing`() throws {
    let model = try model(bytes: 100)
    let request = try request(model, 0..<3)
    #expect(try encode(model, request, request)[0].cachedTokens == 0)
    #expect(try encode(model, request)[0].cachedTokens == 0)
    #expect(model.prefixCacheStatistics?.usedBytes == 0)
  }

  @Test func `Whoever is cancelled leaves no blocks and disturbs nobody`() throws {
    let (model, plain) = (try model(), try model(bytes: 0))
    let requests = try [0..<4, 2..<6, 7..<9].map { try request(model, $0) }
    let before = try #require(model.prefixCacheStatistics).blocks
    var layers = 0
    // Gone before the second layer.
    let outcomes = model.encode(requests) { index in
      if index == 0 { layers += 1 }
      return index == 1 && layers == 2
    }
    #expect(throws: ModelError.self) { try outcomes[1].get() }
    for index in [0, 2] {
      let alone = try plain.hiddenStates(of: [requests[index].prompt]).values
      #expect(try outcomes[index].get().hiddenState == alone)
    }
    #expect(model.cachedTokens(requests[1].prefixKeys) == instructionTokens(model))
    #expect(model.cachedTokens(requests[0].prefixKeys) == requests[0].prefixKeys.count * positions)
    let kept = try #require(model.prefixCacheStatistics).blocks

    let again = model.encode([requests[1]]) { _ in true }
    #expect(throws: ModelError.self) { try again[0].get() }
    #expect(try #require(model.prefixCacheStatistics).blocks == kept)
    #expect(kept > before)
  }

  /// The one that leaves computes the others' beginning: they get it all the same, and are what they would be alone.
  @Test func `Whoever leaves still computes what others share`() throws {
    let (model, plain) = (try model(), try model(bytes: 0))
    let requests = try [0..<5, 0..<6, 0..<7].map { try request(model, $0) }
    var layers = 0
    let outcomes = model.encode(requests) { index in
      if index == 2 { layers += 1 }
      return index == 0 || (index == 1 && layers == 1)
    }
    let alone = try plain.hiddenStates(of: [requests[2].prompt]).values
    #expect(try outcomes[2].get().hiddenState == alone)
    for index in 0...1 { #expect(throws: ModelError.self) { try outcomes[index].get() } }
    let grown = try encode(model, requests[2])[0]
    #expect(grown.cachedTokens == requests[2].prompt.tokenIDs.count / positions * positions)
    #expect(grown.hiddenState == alone)
  }

  @Test func `What is not finite never enters the cache`() throws {
    let model = try model()
    let blocks = try #require(model.prefixCacheStatistics).blocks
    let sound = try request(model, 1..<3)
    for (value, code) in [(Float.nan, ModelError.Code.notFinite), (3e38, .notFinite)] {
      var prompt = try model.prompt(history: history(0..<1))
      prompt = prompt.filled(with: [[Float](repeating: value, count: 32)])
      let bad = EncodingRequest(prompt: prompt, prefixKeys: model.prefixKeys(of: prompt))
      let outcomes = model.encode([bad, sound])
      #expect(#expect(throws: ModelError.self) { try outcomes[0].get() }?.code == code)
      #expect(try outcomes[1].get().hiddenState.allSatisfy(\.isFinite))
      #expect(model.cachedTokens(bad.prefixKeys) <= instructionTokens(model))
    }
    let statistics = try #require(model.prefixCacheStatistics)
    #expect(statistics.blocks == blocks + sound.prefixKeys.count - instructionTokens(model) / positions)
  }

  @Test func `Several threads may share the cache`() async throws {
    let model = try model(bytes: 200_000)
    let requests = try (1...8).map { try request(model, 0..<$0) }
    let plain = try self.model(bytes: 0)
    let expected = try requests.map { try plain.hiddenStates(of: [$0.prompt]).values }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for thread in 0..<4 {
        group.addTask {
          for step in 0..<8 {
            let index = (step * 3 + thread) % 8
            let encoded = try model.encode([requests[index]])[0].get()
            #expect(encoded.hiddenState == expected[index])
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
