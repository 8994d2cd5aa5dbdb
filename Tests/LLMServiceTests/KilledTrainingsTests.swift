// SPDX-License-Identifier: Apache-2.0

import ModelServing
import TestSupport
import Testing
import TrainingsProbe

private let probe = CrashingProbe("TrainingsProbe")

/// A process killed at every disk operation of every change.
@Suite(
  "A service may be killed while it remembers a training", .enabled(if: probe.isBuilt, "build TrainingsProbe first"))
struct KilledTrainingsTests {
  @Test(arguments: TrainingsChange.allCases)
  func `The next start finds the trainings before or after, and the call can be made again`(
    change: TrainingsChange
  ) throws {
    var kills = 0
    // The few operations of one file are all tried, whatever the stride of the larger stores.
    for operation in 0..<100 {
      let directory = try TemporaryDirectory(inMemory: true)
      let file = directory.file("trainings.json")
      if let before = change.before { try TrainingMemory(file).write(before) }
      guard try probe.run([file, change.rawValue, "\(operation)"]) == .killed else { break }
      kills += 1
      let memory = try TrainingMemory(file)
      #expect(memory.current == change.before || memory.current == change.after, "killed at operation \(operation)")
      try memory.write(change.after)
      #expect(memory.current == change.after)
    }
    #expect(kills >= 3)
  }
}
