// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

extension Training_Training {
  /// - Parameter requests: in progress; those of `standing` when nil.
  init<Model>(_ standing: TrainingRegistry<Model>.Standing, requests: Int? = nil) {
    self.init()
    let training = standing.training
    model = training.identity
    directory = training.directory
    isDefault = standing.isDefault
    state = standing.isUnloading ? .unloading : .loaded
    requestsInProgress = UInt64(requests ?? standing.requests)
    bytes = UInt64(training.bytes)
    loadTime = Google_Protobuf_Timestamp(date: training.loadTime)
  }
}

extension LoadedTraining {
  /// For the log.
  var metadata: Logger.Metadata {
    [
      "model": "\(identity.name) \(identity.version)", "space": "\(identity.spaceFingerprint.prefix(12))",
      "fingerprint": "\(identity.fingerprint.prefix(12))", "directory": "\(directory)", "bytes": "\(bytes)",
    ]
  }
}

/// What a training is called in answers.
struct TrainingName {
  let name: String
  let version: String

  private static let maxBytes = 256

  /// What the checkpoint says, else its directory's name and 1. A run's directory calls it `checkpoint`, as every other run's
  /// does; the run's own name tells more then.
  ///
  /// - Parameter directory: where it lies, as people name it.
  init(of checkpoint: CheckpointLocation, directory: String? = nil) {
    // A configuration that cannot be read is refused when the checkpoint is loaded.
    let notes = (try? checkpoint.trainingNotes()) ?? TrainingNotes()
    let path = directory ?? checkpoint.directory
    let parts = path.split(separator: "/").filter { $0 != "." }
    let ofRun = parts.last == "checkpoint" ? parts.dropLast().last : parts.last
    name = notes.name ?? (ofRun ?? parts.last).map(String.init) ?? path
    version = notes.trainedAt ?? "1"
  }

  static func check(_ request: Training_LoadTrainingRequest) throws(ServiceFailure) {
    for (field, text) in [("name", request.name), ("version", request.version)] {
      guard text.utf8.count <= maxBytes, !text.utf8.contains(0) else {
        throw ServiceFailure(
          .trainingNameInvalid, "at most \(maxBytes) bytes without NUL may be its \(field)", field: field)
      }
    }
  }
}
