// SPDX-License-Identifier: Apache-2.0

import Models

/// What a checkpoint holds, and what is wrong with it.
struct CheckpointInspection: Sendable {
  /// One of the checkpoint's modules.
  struct Part: Sendable {
    /// As the published layout names its directory.
    let name: String
    let weights: WeightFiles

    var parameters: Int { weights.tensors.values.reduce(0) { $0 + $1.count } }
    var bytes: Int { weights.tensors.values.reduce(0) { $0 + $1.byteCount } }
    /// "BF16", or several with a plus.
    var types: String { Set(weights.tensors.values.map(\.type.name)).sorted().joined(separator: "+") }
  }

  private(set) var parts: [Part] = []
  private(set) var facts: [CheckpointFacts] = []
  private(set) var problems: [String] = []

  /// - Parameter loading: load the models as the services do, which finds every problem; needs their memory.
  init(_ checkpoint: CheckpointLocation, loading: Bool) {
    readParts(checkpoint)
    readConfigurations(checkpoint)
    guard loading else { return }
    note { () throws(ModelError) in
      CheckpointFacts(try ImageModel(checkpoint: checkpoint, spaces: [.image]))
    }
    note { () throws(ModelError) in CheckpointFacts(try UserModel(checkpoint: checkpoint)) }
  }

  private mutating func readParts(_ checkpoint: CheckpointLocation) {
    for (name, path) in [
      ("vision_tower", checkpoint.visionTower), ("rec_module", checkpoint.recModule),
    ] {
      if let weights = attempt({ () throws(ModelError) in try WeightFiles(directory: path) }) {
        parts.append(Part(name: name, weights: weights))
      }
    }
    if let weights = attempt({ () throws(ModelError) in try checkpoint.llmWeightFiles() }) {
      parts.append(Part(name: "llm", weights: weights))
    }
    guard CheckpointLocation.exists(checkpoint.tokenEmbeddings) else { return }
    if let weights = attempt({ () throws(ModelError) in try WeightFiles(file: checkpoint.tokenEmbeddings) }) {
      parts.append(Part(name: "llm_parameter", weights: weights))
    }
  }

  private mutating func readConfigurations(_ checkpoint: CheckpointLocation) {
    note { () throws(ModelError) in
      CheckpointFacts(try VisionTowerConfiguration(path: checkpoint.visionTower + "/config.json"))
    }
    note { () throws(ModelError) in
      CheckpointFacts(try checkpoint.llmShape())
    }
    note { () throws(ModelError) in CheckpointFacts(try LlamaTokenizer(of: checkpoint)) }
    if let recModule = parts.first(where: { $0.name == "rec_module" }) {
      note { () throws(ModelError) in
        CheckpointFacts(recModule: recModule.weights, notes: try checkpoint.trainingNotes())
      }
    }
  }

  private mutating func note(_ read: () throws(ModelError) -> CheckpointFacts) {
    if let read = attempt(read) { facts.append(read) }
  }

  /// What `step` returns; nil when it fails, which is noted.
  private mutating func attempt<Value>(_ step: () throws(ModelError) -> Value) -> Value? {
    do throws(ModelError) {
      return try step()
    } catch {
      // A file that cannot be read is met again when the model is loaded.
      if !problems.contains(error.message) { problems.append(error.message) }
      return nil
    }
  }
}
