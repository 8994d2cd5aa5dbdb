// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// What callers have loaded into a service, for its next start to load again.
package struct TrainingRecord: Codable, Equatable, Sendable {
  package struct Entry: Codable, Equatable, Sendable {
    /// Beneath the directory of trainings.
    let directory: String
    let name: String
    let version: String
    let spaceFingerprint: String

    package init(directory: String, name: String, version: String, spaceFingerprint: String) {
      self.directory = directory
      self.name = name
      self.version = version
      self.spaceFingerprint = spaceFingerprint
    }

    private enum CodingKeys: String, CodingKey {
      case directory
      case name
      case version
      case spaceFingerprint = "space_fingerprint"
    }
  }

  static let currentFormat = 1

  var format = currentFormat
  /// Space fingerprint of the first `--checkpoint`, in whose place callers may have set another default.
  let first: String
  /// Space fingerprint of the default; nil while that is the first.
  let standard: String?
  /// In the order in which they were loaded.
  let trainings: [Entry]

  package init(first: String, standard: String?, trainings: [Entry]) {
    self.first = first
    self.standard = standard
    self.trainings = trainings
  }

  private enum CodingKeys: String, CodingKey {
    case format
    case first = "first_checkpoint"
    case standard = "default"
    case trainings
  }
}

extension TrainingRecord.Entry {
  init<Model>(_ training: LoadedTraining<Model>) {
    self.init(
      directory: training.directory, name: training.identity.name, version: training.identity.version,
      spaceFingerprint: training.identity.spaceFingerprint)
  }
}
