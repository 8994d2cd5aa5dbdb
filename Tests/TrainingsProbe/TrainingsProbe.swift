// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc
package import ModelServing
import Synchronization

/// Changes what is remembered of trainings and kills itself at one of the change's disk operations: `TrainingsProbe FILE CHANGE
/// OPERATION`. Ends with 0 when the change had fewer operations than that.
@main
enum TrainingsProbe {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 4, let change = TrainingsChange(rawValue: arguments[2]), let operation = Int(arguments[3])
    else {
      print("usage: TrainingsProbe FILE CHANGE OPERATION")
      exit(64)
    }
    let operationsLeft = Atomic(operation)
    let memory = try TrainingMemory(arguments[1]) { _ in
      // As `kill -9` from outside would.
      if operationsLeft.subtract(1, ordering: .relaxed).oldValue == 0 { kill(getpid(), SIGKILL) }
      return nil
    }
    try memory.write(change.after)
  }
}

/// What calls change of it, to be broken at each disk operation they make.
package enum TrainingsChange: String, CaseIterable, Sendable {
  case firstLoad
  case load
  case makeDefault
  case unload

  private static func record(_ names: String..., standard: String? = nil) -> TrainingRecord {
    TrainingRecord(
      first: "first", standard: standard,
      trainings: names.map { .init(directory: $0, name: $0, version: "1", spaceFingerprint: "space of \($0)") })
  }

  /// Nil when there is no file.
  package var before: TrainingRecord? {
    switch self {
    case .firstLoad: nil
    case .load, .makeDefault: Self.record("a")
    case .unload: Self.record("a", "b")
    }
  }

  package var after: TrainingRecord {
    switch self {
    case .firstLoad, .unload: Self.record("a")
    case .load: Self.record("a", "b")
    case .makeDefault: Self.record("a", standard: "space of a")
    }
  }
}
