// SPDX-License-Identifier: Apache-2.0

import Foundation
package import Models
package import ServiceSupport

/// Which models a service holds, and how.
package struct ModelConfiguration: Sendable {
  /// A checkpoint, and what it is called in answers.
  package struct Checkpoint: Sendable {
    package let directory: String
    package let name: String
    package let version: String
  }

  /// At least one; the first answers requests that name none.
  package let checkpoints: [Checkpoint]
  /// What may be loaded beside them.
  package var trainings: TrainingsConfiguration
  package let spaces: [Space]
  /// Threads that compute; nil for one per CPU.
  package let threads: Int?
  /// How matrices are kept.
  package let loading: LoadingOptions

  package init(
    _ settings: ModelSettings, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(SettingsError) {
    guard settings.trainings != nil || settings.trainingsState == nil else {
      throw SettingsError(
        "--trainings-state remembers what was loaded from --trainings, which is missing; give both", isUsage: true)
    }
    checkpoints = try Self.checkpoints(settings)
    spaces = try Self.spaces(settings.spaces)
    trainings = TrainingsConfiguration(
      directory: try settings.trainings.map { path throws(SettingsError) in try TrainingsDirectory(path) },
      memory: settings.trainingsState, maxTrainings: settings.maxTrainings, spaces: spaces)
    threads = settings.threads.unlessZero
    loading = try Self.loading(settings, environment)
  }

  /// The checkpoint that answers requests that name none.
  package var first: Checkpoint { checkpoints[0] }

  private static func checkpoints(_ settings: ModelSettings) throws(SettingsError) -> [Checkpoint] {
    let directories = settings.checkpoints.values
    let (names, versions) = (settings.names?.values ?? [], settings.versions?.values ?? [])
    for (flag, values) in [("--model-name", names), ("--model-version", versions)] {
      guard values.count <= directories.count else {
        throw SettingsError(
          "\(flag) is given \(values.count) times for \(directories.count) of --checkpoint; give it once for each",
          isUsage: true)
      }
    }
    guard directories.count <= settings.maxTrainings else {
      throw SettingsError(
        "--checkpoint is given \(directories.count) times, --max-trainings is \(settings.maxTrainings); raise it",
        isUsage: true)
    }
    return directories.indices.map { index in
      let own = TrainingName(of: CheckpointLocation(directory: directories[index]))
      return Checkpoint(
        directory: directories[index], name: index < names.count ? names[index] : own.name,
        version: index < versions.count ? versions[index] : own.version)
    }
  }

  /// - Parameter list: as `--spaces` has it.
  package static func spaces(_ list: String) throws(SettingsError) -> [Space] {
    var spaces: [Space] = []
    for name in list.split(separator: ",") {
      guard let space = Space(named: name) else {
        throw SettingsError("--spaces names \"\(name)\"; allowed: image, cf, text, separated by commas", isUsage: true)
      }
      spaces.append(space)
    }
    guard !spaces.isEmpty else {
      throw SettingsError("--spaces names none; allowed: image, cf, text, separated by commas", isUsage: true)
    }
    return spaces
  }

  private static func loading(
    _ settings: ModelSettings, _ environment: [String: String]
  ) throws(SettingsError) -> LoadingOptions {
    do throws(ModelError) {
      return try LoadingOptions(
        precision: unlessAutomatic(settings.precision), computePath: unlessAutomatic(settings.computePath),
        packedCache: packedCache(settings.packedCache, environment))
    } catch {
      throw SettingsError(error.message, isUsage: true)
    }
  }

  private static func unlessAutomatic(_ value: String) -> String? { value == "auto" ? nil : value }

  /// Nil for off, and where no directory of the kind is known.
  private static func packedCache(_ value: String, _ environment: [String: String]) -> String? {
    switch value {
    case "off": return nil
    case "auto":
      // An empty one says nothing, as the XDG specification has it; it would name the root directory.
      func directory(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
      let caches =
        directory("CACHE_DIRECTORY") ?? directory("XDG_CACHE_HOME") ?? directory("HOME").map { $0 + "/.cache" }
      return caches.map { $0 + "/illmrec/packed" }
    default: return value
    }
  }
}
