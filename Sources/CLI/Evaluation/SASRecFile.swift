// SPDX-License-Identifier: Apache-2.0

import Datasets
import Models
import Training

/// A SASRec that `illmrec features cf` wrote.
enum SASRecFile {
  /// The method that it is on a dataset; other training sequences than it learned from are told.
  static func method(_ path: String, for dataset: Dataset) throws -> SASRec {
    let weights = try SASRecWeights(path: path)
    guard weights.items == dataset.items.count else {
      throw CLIError(
        .invalidInput, "\(path) knows \(weights.items) items; this dataset has \(dataset.items.count)")
    }
    // Files of earlier builds do not say.
    if let learned = try SASRecWeights.sequences(ofFile: path), learned != TrainingDigest.ofSequences(dataset) {
      Terminal.standardError.warn(
        "\(path) learned from other training sequences than this dataset has, and may know what is held out here; illmrec features cf makes "
          + "one of this dataset")
    }
    return SASRec(weights: weights)
  }
}
