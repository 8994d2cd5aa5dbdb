// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import ModelServing
import Models

/// What the service asks of the frozen vision tower. ``Models/FrozenTower`` answers it; tests answer it with less.
protocol EncoderTower: Sendable {
  /// Of the tower and its preprocessing; embeddings are kept under it.
  var fingerprint: String { get }
  var arithmetic: MatrixArithmetic { get }
  var preprocessing: ImagePreprocessing { get }
  /// v.
  var embeddingDim: Int { get }

  /// [B, v]. Blocks.
  func embeddings(of images: [PreparedImage]) throws(ModelError) -> Matrix
}

/// What the service asks of a training over the tower. ``Models/ImageModel`` answers it; tests answer it with less.
protocol EncoderModel: Sendable {
  var fingerprints: ModelFingerprints { get }
  /// In use, in the order of their blocks.
  var spaces: [Space] { get }
  /// v.
  var embeddingDim: Int { get }
  /// d.
  var softTokenDim: Int { get }
  /// p for each space in use.
  var itemVectorDim: Int { get }
  /// 0 when neither the space is in use nor soft tokens are made of it.
  var cfFeatureDim: Int { get }
  /// 0 when neither the space is in use nor soft tokens are made of it.
  var textFeatureDim: Int { get }
  /// That soft tokens are made of, in the order of blocks.
  var tokenFeatures: [Space] { get }

  /// Of items that have one of the features: [n, d]. Blocks, as below.
  func softTokens(of items: [ItemFeatures]) throws(ModelError) -> Matrix
  /// [n, itemVectorDim].
  func itemVectors(of items: [ItemFeatures]) throws(ModelError) -> Matrix
}

extension EncoderModel {
  /// Whether an item has a soft token.
  func hasSoftToken(_ item: ItemFeatures) -> Bool { tokenFeatures.contains { item[$0] != nil } }
}

extension ItemStore {
  /// Opens the file at `path` for `tower`.
  convenience init(
    path: String, tower: some EncoderTower, followedIndex: String? = nil, willMigrate: (String) -> Void = { _ in }
  ) throws(StoreError) {
    try self.init(
      path: path, tower: tower.fingerprint, embeddingDim: tower.embeddingDim, followedIndex: followedIndex,
      willMigrate: willMigrate)
  }
}

extension FrozenTower: EncoderTower {}
extension ImageModel: EncoderModel {}

typealias EncoderTrainings = TrainingRegistry<any EncoderModel>
typealias EncoderTraining = TrainingLease<any EncoderModel>
