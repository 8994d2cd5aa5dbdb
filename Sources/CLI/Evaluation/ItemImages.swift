// SPDX-License-Identifier: Apache-2.0

import Datasets
import Foundation
import Models
import Training

/// The image embeddings of a dataset's items, by a checkpoint's vision tower.
struct ItemImages {
  let data: EvaluatedData
  let checkpoint: CheckpointLocation
  /// Where embeddings are looked for and kept; by default beside the checkpoint, where its training keeps them, if there.
  let cache: String?
  let reading: ImageReading

  /// Items without an image, or whose image cannot be read, have none. Computes on the calling thread.
  func embeddings() throws -> FeatureTable {
    let model = try ImageModel(checkpoint: checkpoint, spaces: [.image], reading: reading)
    var cache = try ImageEmbeddingCache(directory: cache ?? Self.directory(of: checkpoint), model: model)
    let items = data.dataset.items
    let bar = ProgressBar("Images", total: items.count { $0.image != nil }, unit: "images")
    defer { bar.finish() }
    return try cache.embeddings(of: items, model, unreadable: .skipped) { done, skipped in
      bar.update(completed: done, note: skipped == 0 ? "" : "\(skipped) unreadable")
      try data.interruption.check()
    }
  }

  /// Nil when the checkpoint is in no training run's directory, or in one that cannot be written to.
  static func directory(of checkpoint: CheckpointLocation) -> String? {
    let run = RunDirectory(URL(filePath: checkpoint.directory).standardizedFileURL.deletingLastPathComponent().path)
    let keepsStates = FileManager.default.fileExists(atPath: run.states)
    return keepsStates && FileManager.default.isWritableFile(atPath: run.features) ? run.features : nil
  }
}
