// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// Trainings of the services, one line each.
struct TrainingTable {
  private var table = TextTable([
    .init("SERVICE"), .init("TRAINING"), .init("NAME", isFlexible: true), .init("VERSION"), .init("STATE"),
    .init("REQUESTS", .trailing), .init("MIB", .trailing), .init("LOADED"), .init("DIRECTORY", isFlexible: true),
  ])

  mutating func add(_ training: Training_Training, of host: TrainingHost) {
    table.add([
      host.rawValue, String(training.model.spaceFingerprint.prefix(12)), training.model.name, training.model.version,
      training.stateText, Int(training.requestsInProgress).grouped, String((training.bytes + (1 << 19)) >> 20),
      training.loadTime.minuteText, training.directory,
    ])
  }

  func lines(for terminal: Terminal) -> [String] { table.lines(for: terminal) }

  func write(to terminal: Terminal) { table.write(to: terminal) }
}

extension Training_Training {
  /// "default", "loaded" or "unloading"
  fileprivate var stateText: String {
    switch state {
    case .unloading: "unloading"
    case .loaded, .unspecified, .UNRECOGNIZED: isDefault ? "default" : "loaded"
    }
  }
}
