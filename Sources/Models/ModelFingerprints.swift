// SPDX-License-Identifier: Apache-2.0

/// What a model's answers depend on, as SHA-256 digests in hexadecimal.
package struct ModelFingerprints: Sendable, Equatable {
  /// Over every file this model computes with, names and contents, and the precision. Equal fingerprints give equal answers.
  package let model: String
  /// Over the trained part (`rec_module`) and the spaces in use. User and item vectors may meet only when theirs are
  /// equal, whichever service made them.
  package let space: String
  /// Over the vision tower and its preprocessing: image embeddings outlive adaptors while it stays. The same in float32 and
  /// bfloat16, whose embeddings may stand side by side; another one in int8. Nil for user models.
  package let tower: String?

  package init(model: String, space: String, tower: String?) {
    self.model = model
    self.space = space
    self.tower = tower
  }
}

extension ModelFingerprints {
  /// These, when `after` is the same: then what was read between the two is what they name.
  func requireUnchanged(
    _ after: ModelFingerprints, _ checkpoint: CheckpointLocation
  ) throws(ModelError) -> ModelFingerprints {
    guard after == self else {
      throw ModelError(
        .unreadable, "\(checkpoint.directory) changed while it was read; load it once it is written whole")
    }
    return self
  }
}
