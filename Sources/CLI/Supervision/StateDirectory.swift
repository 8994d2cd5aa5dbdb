// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// What a stack keeps between runs: the encoder's item store and the published index versions. One stack at a time.
final class StateDirectory: Sendable {
  let path: String
  private let lock: FileLock

  /// Makes the directory if need be, and locks it.
  init(_ path: String) throws(CLIError) {
    self.path = URL(filePath: path).path
    do {
      for directory in ["retrieval", "run"] {
        try FileManager.default.createDirectory(atPath: "\(path)/\(directory)", withIntermediateDirectories: true)
      }
    } catch {
      throw CLIError(
        .fileAccess, "\(path): the state directory cannot be made: \(InputFile.reason(error))", cause: error)
    }
    lock = try Self.lock("\(path)/lock", of: path)
  }

  var itemStore: String { "\(path)/items.sqlite" }
  var indexes: String { "\(path)/retrieval" }
  var packedMatrices: String { "\(path)/packed" }

  func portFile(of member: StackMember) -> String { "\(path)/run/\(member.rawValue).port" }

  private static func lock(_ file: String, of path: String) throws(CLIError) -> FileLock {
    do throws(SystemCallError) {
      return try FileLock(file)
    } catch {
      guard error.isHeldLock else {
        throw CLIError(.fileAccess, "\(file): cannot be opened: \(error.reason)", cause: error)
      }
      throw CLIError(
        .fileAccess,
        "\(path): another illmrec keeps its state here at the moment; stop it, or name another directory with --state")
    }
  }
}
