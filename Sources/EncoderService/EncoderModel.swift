// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import Models

/// What the service asks of a model. ``Models/ImageModel`` answers it; tests answer it with less.
protocol EncoderModel: Sendable {
  var fingerprints: ModelFingerprints { get }
  var arithmetic: MatrixArithmetic { get }
  /// In use, in the order of their blocks.
  var spaces: [Space] { get }
  var preprocessing: ImagePreprocessing { get }
  /// v.
  var embeddingDim: Int { get }
  /// d.
  var softTokenDim: Int { get }
  /// p for each space in use.
  var itemVectorDim: Int { get }
  /// 0 when the space is not in use.
  var cfFeatureDim: Int { get }
  /// 0 when the space is not in use.
  var textFeatureDim: Int { get }

  /// [B, v]. Blocks, as all below.
  func embeddings(of images: [PreparedImage]) throws(ModelError) -> Matrix
  /// [n, v] to [n, d].
  func softTokens(of embeddings: Matrix) throws(ModelError) -> Matrix
  /// [n, itemVectorDim].
  func itemVectors(of items: [ItemFeatures]) throws(ModelError) -> Matrix
}

extension ItemStore {
  /// Opens the file at `path` for the tower of `model`.
  convenience init(
    path: String, model: some EncoderModel, followedIndex: String? = nil, willMigrate: (String) -> Void = { _ in }
  ) throws(StoreError) {
    try self.init(
      path: path, tower: model.fingerprints.tower ?? "", embeddingDim: model.embeddingDim, followedIndex: followedIndex,
      willMigrate: willMigrate)
  }
}

extension ImageModel: EncoderModel {}
