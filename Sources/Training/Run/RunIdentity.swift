// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// What a run is called and when it began: what tells its checkpoint from others'. It is kept in the run's directory, so that a run
/// that goes on makes the same checkpoint as one that was never stopped.
package struct RunIdentity: Codable, Sendable, Equatable {
  package let name: String
  /// As RFC 3339 has it, in UTC and whole seconds.
  package let began: String

  package init(name: String, began: Date) {
    self.name = name
    self.began = began.formatted(.iso8601)
  }
}

extension RunDirectory {
  private var identityFile: String { path + "/run.json" }

  /// Of a run that goes on, what was kept; else, and for runs of before, a new one, which is kept from now on.
  ///
  /// - Parameter name: the directory's when nil.
  package func identity(named name: String?, resumes: Bool, now: Date) throws(TrainingError) -> RunIdentity {
    if resumes, let kept = try keptIdentity() {
      guard name == nil || name == kept.name else {
        throw TrainingError(
          .invalidInput, "\(path) is the run \(kept.name); leave --name out to go on with it, or begin another one")
      }
      return kept
    }
    let own = URL(filePath: path).standardizedFileURL.lastPathComponent
    let identity = RunIdentity(name: name ?? own, began: now)
    let file = try DurableFile(identityFile)
    try file.write(Array(Self.encoded(identity)))
    try file.commit()
    return identity
  }

  private func keptIdentity() throws(TrainingError) -> RunIdentity? {
    guard let data = FileManager.default.contents(atPath: identityFile) else { return nil }
    do {
      return try JSONDecoder().decode(RunIdentity.self, from: data)
    } catch {
      throw TrainingError(
        .invalidInput, "\(identityFile) cannot be read; remove it, and the run is called by its directory from now on",
        cause: error)
    }
  }

  private static func encoded(_ identity: RunIdentity) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Two texts: nothing about them can fail to be written.
    return ((try? encoder.encode(identity)) ?? Data()) + Data("\n".utf8)
  }
}
