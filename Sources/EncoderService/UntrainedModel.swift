// SPDX-License-Identifier: Apache-2.0

import ModelServing
import Models
import ServiceSupport

/// What stands in the place of a training where the service holds a vision tower alone: images have embeddings, and nothing
/// follows from them. Its space fingerprint is empty.
struct UntrainedModel: EncoderModel {
  let fingerprints: ModelFingerprints
  let embeddingDim: Int
  let spaces: [Space] = []
  let softTokenDim = 0
  let itemVectorDim = 0
  let cfFeatureDim = 0
  let textFeatureDim = 0
  let tokenFeatures: [Space] = [.image]

  init(over tower: FrozenTower) {
    self.init(model: tower.modelFingerprint, tower: tower.fingerprint, embeddingDim: tower.embeddingDim)
  }

  init(model: String, tower: String, embeddingDim: Int) {
    fingerprints = ModelFingerprints(model: model, space: "", tower: tower)
    self.embeddingDim = embeddingDim
  }

  func softTokens(of items: [ItemFeatures]) throws(ModelError) -> Matrix { throw Self.missing }
  func itemVectors(of items: [ItemFeatures]) throws(ModelError) -> Matrix { throw Self.missing }

  /// Requests that come so far are refused before.
  private static let missing = ModelError(.invalidInput, "there is no training over the tower")
}

extension EncoderModel {
  /// Whether there is an adaptor, and item vectors follow from embeddings.
  var isTrained: Bool { !fingerprints.space.isEmpty }
}

extension EncoderServer {
  /// - Parameter field: of the request, that asks for what only a training computes.
  /// - Throws: FAILED_PRECONDITION (TRAINING_MISSING) for more than embeddings where there is no training.
  func requireTrained(_ kinds: ItemOutputs.Kinds, _ training: EncoderTraining, field: String) throws(ServiceFailure) {
    guard !kinds.isDisjoint(with: [.softToken, .itemVector]), !training.model.isTrained else { return }
    throw ServiceFailure(
      .trainingMissing,
      "this server holds a vision tower and no training (rec_module/): it answers EMBEDDING alone; ask for that, or load a "
        + "training as the default",
      field: field)
  }
}
