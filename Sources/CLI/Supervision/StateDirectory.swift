// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// What a stack keeps between runs: the encoder's item store and the published index versions. One stack at a time.
final class StateDirectory: Sendable {
  let path: String
  private let lock: FileLock

  /// Makes the directory if need be, and locks it.
  ///
  /// - Parameter flag: what the user names another directory with.
  init(_ path: String, flag: String = "--state") throws(CLIError) {
    self.path = URL(filePath: path).path
    for directory in [path, "\(path)/retrieval", "\(path)/run"] {
      try OutputFile.makeDirectory(directory, what: "the state directory")
    }
    lock = try FileLock(
      Self.lockFile(of: path),
      held: CLIError(
        .fileAccess,
        "\(path): another illmrec keeps its state here at the moment; stop it, or name another directory with \(flag)"),
      failed: { CLIError(.fileAccess, "\($0.path): cannot be opened: \($0.reason)", cause: $0) })
  }

  /// Held for as long as a stack keeps its state in the directory.
  static func lockFile(of path: String) -> String { "\(URL(filePath: path).path)/lock" }

  var itemStore: String { "\(path)/items.sqlite" }
  var indexes: String { "\(path)/retrieval" }
  var packedMatrices: String { "\(path)/packed" }

  /// What was loaded into a service by `illmrec training load`.
  func trainings(of member: StackMember) -> String { "\(path)/\(member.rawValue)-trainings.json" }

  func portFile(of member: StackMember) -> String { "\(path)/run/\(member.rawValue).port" }
  func httpPortFile(of member: StackMember) -> String { "\(path)/run/\(member.rawValue).http-port" }
}
