// SPDX-License-Identifier: Apache-2.0

import Kernels
import TestSupport

@testable import Models

/// A random LLM of odd sizes on disk, and prompts for it.
struct RandomUsers {
  private let directory: TemporaryDirectory
  private let softTokenDim: Int

  /// Grouped queries, and no width that is a multiple of a vector.
  static let odd: SyntheticCheckpoint.Shape = {
    var shape = SyntheticCheckpoint.Shape.tiny
    (shape.llmWidth, shape.llmLayers, shape.llmHeads, shape.llmKeyValueHeads, shape.llmFeedForward) = (78, 3, 3, 1, 101)
    return shape
  }()

  /// Every query has keys of its own; one layer, so that what its attention reads is never looked at again.
  static let shallow: SyntheticCheckpoint.Shape = {
    var shape = SyntheticCheckpoint.Shape.tiny
    (shape.llmWidth, shape.llmLayers, shape.llmHeads, shape.llmKeyValueHeads, shape.llmFeedForward) = (40, 1, 4, 4, 37)
    return shape
  }()

  init(_ shape: SyntheticCheckpoint.Shape = odd) throws {
    directory = try TemporaryDirectory()
    try SyntheticCheckpoint.write(to: directory.path, shape: shape, seed: 11, text: SyntheticModels.titles)
    softTokenDim = shape.llmWidth
  }

  /// - Parameters:
  ///   - bytes: of the prefix cache.
  ///   - path: of products in bfloat16 and int8; the machine's best when nil.
  func model(
    _ precision: Precision, bytes: Int = 1 << 26, threads: Int = 2, element: RowStorage.Element? = nil,
    path: ComputePath? = nil
  ) throws -> UserModel {
    try UserModel(
      checkpoint: CheckpointLocation(directory: directory.path),
      configuration: .init(
        threads: threads, prefixCacheBytes: bytes, prefixCacheElement: element,
        loading: LoadingOptions(precision: precision, computePath: path)))
  }

  /// `length` tokens without [REC], every fifth a soft token; prompts of one seed begin alike.
  func prompt(seed: UInt64, length: Int) -> Prompt {
    var random = SeededGenerator(seed: seed)
    var (ids, positions, softTokens): ([Int32], [Int], [[Float]]) = ([], [], [])
    for position in 0..<length {
      ids.append(Int32(random.next() % 300))
      guard position % 5 == 3 else { continue }
      positions.append(position)
      softTokens.append(random.uniform(softTokenDim, scale: 2))
    }
    return Prompt(tokenIDs: ids, softTokenPositions: positions, softTokens: softTokens, truncatedItems: 0)
  }

  /// The prompt with its soft token at `position` replaced.
  func prompt(seed: UInt64, length: Int, softTokenAt position: Int, filledWith value: Float) -> Prompt {
    let prompt = prompt(seed: seed, length: length)
    var softTokens = prompt.softTokens
    for index in softTokens.indices where prompt.softTokenPositions[index] == position {
      softTokens[index] = [Float](repeating: value, count: softTokenDim)
    }
    return prompt.filled(with: softTokens)
  }
}

extension UserModel {
  func request(_ prompt: Prompt, scope: String = "") -> EncodingRequest {
    EncodingRequest(prompt: prompt, prefixKeys: prefixKeys(of: prompt, scope: scope))
  }

  /// The bits of each prompt's hidden state.
  func bits(_ requests: EncodingRequest...) throws -> [[UInt32]] { try bits(requests) }

  func bits(_ requests: [EncodingRequest]) throws -> [[UInt32]] {
    try encode(requests).map { try $0.get().hiddenState.map(\.bitPattern) }
  }
}
