// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
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
enum TrainingName {
  static let defaultVersion = "1"

  private static let maxBytes = 256

  /// The last of a path's directories.
  static func of(_ directory: String) -> String {
    directory.split(separator: "/").last.map(String.init) ?? directory
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
