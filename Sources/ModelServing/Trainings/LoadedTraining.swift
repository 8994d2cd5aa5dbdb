// SPDX-License-Identifier: Apache-2.0

package import Foundation
package import Models
package import ServiceAPI

/// A trained part in memory.
package struct LoadedModel<Model: Sendable>: Sendable {
  package let model: Model
  let fingerprints: ModelFingerprints
  let bytes: Int

  /// - Parameter bytes: held beside the frozen part.
  package init(_ model: Model, _ fingerprints: ModelFingerprints, bytes: Int = 0) {
    self.model = model
    self.fingerprints = fingerprints
    self.bytes = bytes
  }
}

/// A training that a service holds, with what names it in answers.
package final class LoadedTraining<Model: Sendable>: Sendable {
  package let model: Model
  package let identity: Common_ModelRef
  /// Where it was read from, as people name it.
  package let directory: String
  /// What it holds beside the frozen part.
  package let bytes: Int
  package let loadTime: Date
  /// Whether a call loaded it, rather than the start of the service.
  let isOfCall: Bool

  package init(
    _ loaded: LoadedModel<Model>, name: String, version: String, directory: String = "", isOfCall: Bool = false
  ) {
    model = loaded.model
    identity = .init(name: name, version: version, loaded.fingerprints)
    self.directory = directory
    bytes = loaded.bytes
    loadTime = Date()
    self.isOfCall = isOfCall
  }

  /// "movielens 3 (1a2b3c4d5e6f)"
  var text: String { "\(identity.name) \(identity.version) (\(identity.spaceFingerprint.prefix(12)))" }
}

/// A training in use by a request. Whoever computes with the model keeps this as long: the training stays until the last is
/// gone.
package final class TrainingLease<Model: Sendable>: Sendable {
  private let training: LoadedTraining<Model>
  private let registry: TrainingRegistry<Model>

  init(_ training: LoadedTraining<Model>, of registry: TrainingRegistry<Model>) {
    self.training = training
    self.registry = registry
  }

  deinit { registry.release(training) }

  package var model: Model { training.model }
  package var identity: Common_ModelRef { training.identity }

  /// Whether both compute with the same model.
  fileprivate func isSame(as other: TrainingLease<Model>) -> Bool { training === other.training }
}

extension Array {
  /// Computes the elements of each training together and puts the results back in their places: a batch mixes trainings, and
  /// what follows from a training's own weights is computed training by training.
  ///
  /// - Parameter compute: gives one result per element, in order.
  package func mapByTraining<Model: Sendable, Output, Thrown>(
    _ training: (Element) -> TrainingLease<Model>, _ compute: (Model, [Element]) throws(Thrown) -> [Output]
  ) throws(Thrown) -> [Output] {
    var groups: [(training: TrainingLease<Model>, indices: [Int])] = []
    for (index, element) in enumerated() {
      let own = training(element)
      if let group = groups.firstIndex(where: { $0.training.isSame(as: own) }) {
        groups[group].indices.append(index)
      } else {
        groups.append((own, [index]))
      }
    }
    var outputs = [Output?](repeating: nil, count: count)
    for group in groups {
      let computed = try compute(group.training.model, group.indices.map { self[$0] })
      precondition(computed.count == group.indices.count, "a batch has one result for each element")
      for (index, output) in zip(group.indices, computed) { outputs[index] = output }
    }
    return outputs.compactMap(\.self)
  }
}
