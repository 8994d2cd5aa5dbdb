// SPDX-License-Identifier: Apache-2.0

/// What a run goes on with only if it is the same, by the flags' names: comparing what a saved state has with what is asked for now.
package enum RunSettings {
  /// Fingerprints of what is frozen, and of what training begins from.
  package static let llm = "the LLM"
  package static let tower = "the vision tower"
  package static let start = "the starting weights"
  package static let data = "the data"
  package static let features = "the features"
  package static let spaceDim = "--space-dim"

  /// That states of earlier builds do not have: a run that was begun by one goes on all the same.
  private static let later: Set = [llm, tower, start, spaceDim]

  /// By which flags the others are decided.
  private static let flags = [
    llm: "--checkpoint, --llm-weights", tower: "--checkpoint", start: "--checkpoint, --fresh", data: "--data",
    features: "--features, --checkpoint", "the questions": "--questions",
  ]

  /// - Parameters:
  ///   - saved: by the state at `path`.
  ///   - unknown: names whose value is not known yet.
  /// - Throws: naming each flag whose value was another one.
  package static func check(
    _ saved: [String: String], against now: [String: String], besides unknown: Set<String> = [], path: String
  ) throws(TrainingError) {
    let names = Set(saved.keys).union(now.keys).subtracting(unknown).sorted()
    let changed = names.filter { saved[$0] != now[$0] && !(saved[$0] == nil && later.contains($0)) }
    guard changed.isEmpty else {
      let list = changed.map { name in
        "\(name) was \(saved[name] ?? "not set") and is \(now[name] ?? "not set")"
          + (flags[name].map { " (\($0))" } ?? "")
      }
      throw TrainingError(
        .invalidInput,
        "\(path) was saved by a run with other settings: \(list.joined(separator: "; ")). Go on with the same, or train anew "
          + "in another directory")
    }
  }
}
