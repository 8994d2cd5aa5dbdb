// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Foundation
import Models
import Training

/// Items' features for the checkpoints that rank. Files are read once, and images embedded once for each vision tower.
struct CheckpointFeatures {
  private let data: EvaluatedData
  fileprivate let imported: [ItemFeatures]
  private let hasEmbeddings: Bool
  /// Of the files.
  private let given: GivenFeatures
  /// Directories of checkpoints whose features were compared with those of their training.
  private var compared: Set<String> = []
  private let imageCache: String?
  private let reading: ImageReading
  /// By the tower's directory, links resolved.
  private var embeddings: [String: FeatureTable] = [:]

  /// - Parameter imageCache: directory of embeddings; nil for that of the checkpoint's training run, if there.
  init(data: EvaluatedData, files: [FeatureFile], imageCache: String?, reading: ImageReading) throws {
    self.imageCache = imageCache
    self.reading = reading
    self.data = data
    let count = data.dataset.items.count
    var features = [ItemFeatures](repeating: ItemFeatures(), count: count)
    var tables: [Space: FeatureTable] = [:]
    for file in files {
      let table = try file.table(items: count)
      for item in features.indices { features[item][file.space] = table[item] }
      tables[file.space] = table
    }
    imported = features
    given = GivenFeatures(tables)
    hasEmbeddings = files.contains { $0.space == .image }
  }

  /// One for each item, told to the user where they are others than the checkpoint was trained with. Computes on the calling thread where
  /// images are still to be embedded.
  mutating func features(for checkpoint: CheckpointLocation) throws -> [ItemFeatures] {
    if compared.insert(checkpoint.directory).inserted { given.warnOfOthers(than: checkpoint) }
    return try all(of: checkpoint)
  }

  fileprivate mutating func all(of checkpoint: CheckpointLocation) throws -> [ItemFeatures] {
    guard !hasEmbeddings else { return imported }
    let tower = URL(filePath: checkpoint.visionTower).resolvingSymlinksInPath().path
    let images =
      try embeddings[tower]
      ?? ItemImages(data: data, checkpoint: checkpoint, cache: imageCache, reading: reading).embeddings()
    embeddings[tower] = images
    var features = imported
    for item in features.indices { features[item].embedding = images[item] }
    return features
  }
}

extension CheckpointFeatures {
  /// One space's features alone, for each item.
  ///
  /// - Parameter tower: whose images' embeddings are taken where no file holds them.
  mutating func features(of space: Space, tower: CheckpointLocation?) throws -> [[Float]?] {
    let features = if let tower, space == .image { try all(of: tower) } else { imported }
    return features.map { $0[space] }
  }
}
