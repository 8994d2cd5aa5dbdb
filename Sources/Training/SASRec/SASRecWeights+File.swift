// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
package import Models

/// SASRec's files: safetensors whose first tensor, `item_emb.weight` [N, D], is what the cf space is projected from. A tensor `cf` [N, F] at
/// the end takes its place for the cf space: where there are items that nobody met, it has NaN in their rows, for they have no such feature;
/// and it may hold more than the embeddings.
extension SASRecWeights {
  private static let settingsKey = "illmrec_sasrec"
  private static let sequencesKey = "illmrec_sequences"

  /// Writes all weights, with the settings, to a safetensors file that appears whole or not at all.
  ///
  /// - Parameters:
  ///   - features: [N, F], for the cf space in the place of the embeddings.
  ///   - sequences: ``TrainingDigest/ofSequences(_:)`` of the data that it was trained on.
  package func write(to path: String, features: Matrix? = nil, sequences: String? = nil) throws(ModelError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let settings: Data
    do {
      settings = try encoder.encode(self.settings)
    } catch {
      throw ModelError(.invalidInput, "SASRec's settings cannot be written as JSON", cause: error)
    }
    let features = features.map { [Tensor("cf", shape: [$0.rows, $0.columns], values: $0.values)] } ?? []
    var metadata = ["format": "pt", Self.settingsKey: String(decoding: settings, as: UTF8.self)]
    metadata[Self.sequencesKey] = sequences
    try SafetensorsWriter.write(tensors + features, to: path, metadata: metadata)
  }

  /// Of which sequences the file's weights were learned; nil where it does not say.
  package static func sequences(ofFile path: String) throws(ModelError) -> String? {
    try SafetensorsFile(path: path).metadata[sequencesKey]
  }

  /// Reads what `write(to:)` wrote.
  package init(path: String) throws(ModelError) {
    let file = try SafetensorsFile(path: path)
    guard let text = file.metadata[Self.settingsKey] else {
      throw ModelError(
        .malformed, "\(path) was not written by illmrec features cf: its metadata has no \(Self.settingsKey)")
    }
    let settings: SASRecSettings
    do {
      settings = try JSONDecoder().decode(SASRecSettings.self, from: Data(text.utf8))
      try settings.check()
    } catch {
      throw ModelError(.malformed, "\(path): the settings in its metadata cannot be used", cause: error)
    }
    guard let items = file.tensors.first(where: { $0.name == "item_emb.weight" })?.shape.first else {
      throw ModelError(.malformed, "\(path) has no tensor item_emb.weight")
    }
    try self.init(settings: settings, items: items, reading: file)
  }

  private init(settings: SASRecSettings, items: Int, reading file: SafetensorsFile) throws(ModelError) {
    let team = ComputeTeam(threads: 1)
    let stored = Dictionary(file.tensors.map { ($0.name, $0) }) { first, _ in first }
    var tensors: [Tensor] = []
    for (name, shape) in Self.shapes(settings, items: items) {
      guard let tensor = stored[name], tensor.shape == shape, tensor.type == .float32 else {
        throw ModelError(
          .malformed,
          "\(file.path): tensor \(name) should be \(shape) in 32-bit floats and is "
            + (stored[name].map { "\($0.shape) in \($0.type.name)" } ?? "missing"))
      }
      tensors.append(Tensor(name, shape: shape, values: tensor.load(shape: shape, on: team).values))
    }
    self.init(settings: settings, items: items, tensors: tensors)
  }
}
