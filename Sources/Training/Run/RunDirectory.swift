// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Glibc

/// The files of a training run.
///
/// | path | |
/// | --- | --- |
/// | `checkpoint/` | the best so far by validation, else the last: a checkpoint in the published layout |
/// | `state/step-<n>.state` | the last two saved states, to go on from |
/// | `features/` | image embeddings of the tower |
/// | `losses.csv`, `validation.csv` | a line per step, and per validation |
/// | `.lock` | held while a run writes here |
package struct RunDirectory: Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  package var checkpoint: String { path + "/checkpoint" }
  package var states: String { path + "/state" }
  package var features: String { path + "/features" }
  package var losses: String { path + "/losses.csv" }
  package var validations: String { path + "/validation.csv" }
  package var chart: String { path + "/losses.html" }

  private static let keptStates = 2

  package func create() throws(TrainingError) {
    for directory in [path, states, features] { try Self.create(directory) }
  }

  /// Runs `body` while no other run may write here. The directory must be there.
  package func whileLocked<Value>(_ body: () throws -> Value) throws -> Value {
    let lock = try locked()
    defer { withExtendedLifetime(lock) {} }
    return try body()
  }

  private func locked() throws(TrainingError) -> FileLock {
    try FileLock(
      path + "/.lock",
      held: TrainingError(
        .unwritable, "\(path): another run trains here; wait for its end or stop it, or give another directory"),
      failed: { TrainingError(.unwritable, "\($0.path) cannot be locked", cause: $0) })
  }

  package static func create(_ directory: String) throws(TrainingError) {
    do throws(SystemCallError) {
      try DirectoryEntries.create(directory)
    } catch {
      let remedy =
        error.errno == ENOTDIR || error.errno == EEXIST
        ? "is a file; name another place, or move the file away"
        : "\(error.reason); check its rights and the space left"
      throw TrainingError(.unwritable, "the directory \(directory) cannot be made: \(error.path): \(remedy)")
    }
  }

  func state(step: Int) -> String {
    "\(states)/step-\(String(repeating: "0", count: max(0, 8 - "\(step)".count)))\(step).state"
  }

  /// Saved states, the newest first.
  package func savedStates() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: states)) ?? []
    return names.filter { $0.hasPrefix("step-") && $0.hasSuffix(".state") }.sorted(by: >).map { "\(states)/\($0)" }
  }

  /// Where the run stood when it was last saved; nil when no saved state is sound.
  package func newestState() -> TrainingState? { newestSoundState()?.state }

  /// The same, with its file.
  package func newestSoundState() -> (path: String, state: TrainingState)? {
    for path in savedStates() { if let state = try? TrainingStateFile.read(path) { return (path, state) } }
    return nil
  }

  /// Removes what a run that never made a step has left, but for images' embeddings. A directory that then is empty goes, too.
  package func removeUnlessBegun() {
    let manager = FileManager.default
    guard savedStates().isEmpty, ![losses, checkpoint].contains(where: manager.fileExists) else { return }
    for name in ["start", "run.json", ".lock"] { try? manager.removeItem(atPath: "\(path)/\(name)") }
    for directory in [states, features, path] { rmdir(directory) }
  }

  /// Removes all but the newest states.
  func removeOldStates() {
    for path in savedStates().dropFirst(Self.keptStates) { unlink(path) }
  }
}
