// SPDX-License-Identifier: Apache-2.0

import Synchronization

@testable import EncoderService
@testable import Models

/// A small model whose numbers can be worked out by hand and whose pace a test decides. The embedding of an image is the
/// mean of each channel and 1; the adaptor doubles; each space's block is the first two values of its feature.
final class ScriptedModel: EncoderModel, EncoderTower {
  let fingerprints: ModelFingerprints
  var fingerprint: String { fingerprints.tower ?? "" }
  let arithmetic = MatrixArithmetic(LoadingOptions())
  let spaces: [Space]
  let preprocessing = ImagePreprocessing(size: 8, mean: [0, 0, 0], std: [1, 1, 1], rescaleFactor: 1)
  let embeddingDim = 4
  let softTokenDim = 4
  let cfFeatureDim: Int
  let textFeatureDim = 0
  let tokenFeatures: [Space]
  var itemVectorDim: Int { 2 * spaces.count }

  /// Images whose first channel is this have no finite embedding; those of twice this have one, but no finite soft token.
  static let overflowing: Float = 99

  private let factor: Float
  private let beforeBatch: @Sendable () -> Void
  private let batches = Mutex<[Int]>([])

  /// - Parameters:
  ///   - space: names the training.
  ///   - factor: what its adaptor and projections multiply with; the projections of the first do nothing.
  ///   - beforeBatch: called on the compute thread before each batch.
  init(
    tower: String = "tower-one", space: String = "space-fingerprint", factor: Float = 1, spaces: [Space] = [.image],
    tokenFeatures: [Space] = [.image], beforeBatch: @escaping @Sendable () -> Void = {}
  ) {
    fingerprints = ModelFingerprints(model: "model-fingerprint", space: space, tower: tower)
    self.factor = factor
    self.spaces = spaces
    self.tokenFeatures = tokenFeatures
    cfFeatureDim = spaces.contains(.cf) || tokenFeatures.contains(.cf) ? 3 : 0
    self.beforeBatch = beforeBatch
  }

  /// Images of each batch that went through the tower.
  var computedBatches: [Int] { batches.withLock(\.self) }
  var computedImages: Int { computedBatches.reduce(0, +) }

  func embeddings(of images: [PreparedImage]) throws(ModelError) -> Matrix {
    beforeBatch()
    batches.withLock { $0.append(images.count) }
    let values = images.flatMap { image -> [Float] in
      let plane = image.height * image.width
      return (0..<3).map { image.values[$0 * plane..<($0 + 1) * plane].reduce(0, +) / Float(plane) } + [1]
    }
    let embeddings = Matrix(rows: images.count, columns: 4, values: values)
    guard !embeddings.vectors.contains(where: { $0[0] == Self.overflowing }) else {
      throw ModelError(.notFinite, "an embedding is infinite")
    }
    return embeddings
  }

  /// Four values of the features' sum.
  func softTokens(of items: [ItemFeatures]) throws(ModelError) -> Matrix {
    let sums = items.map { item in
      tokenFeatures.reduce(into: [Float](repeating: 0, count: 4)) { sum, feature in
        for (index, value) in (item[feature] ?? []).enumerated() { sum[index] += value }
      }
    }
    guard !sums.contains(where: { $0[0] == 2 * Self.overflowing }) else {
      throw ModelError(.notFinite, "a soft token is infinite")
    }
    return Matrix(rows: items.count, columns: 4, values: sums.joined().map { 2 * factor * $0 })
  }

  func itemVectors(of items: [ItemFeatures]) throws(ModelError) -> Matrix {
    let values = items.flatMap { item in
      spaces.flatMap { space in (item[space] ?? [0, 0]).prefix(2).map { factor * $0 } }
    }
    return Matrix(rows: items.count, columns: itemVectorDim, values: values)
  }
}
