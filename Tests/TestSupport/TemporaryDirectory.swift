// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// A directory of its own for a test, gone with this value's last reference.
package final class TemporaryDirectory: Sendable {
  package let path: String

  /// - Parameter inMemory: where there is such a file system: for tests that sync thousands of times.
  package init(inMemory: Bool = false) throws {
    let memory = "/dev/shm"
    let isMemory = inMemory && FileManager.default.isWritableFile(atPath: memory)
    let parent = isMemory ? memory : FileManager.default.temporaryDirectory.path
    path = URL(filePath: parent).appending(path: "illmrec-test-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of the file of this name, whether it exists or not.
  package func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file, with the directories it lies in, and returns its path.
  @discardableResult
  package func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
    let url = URL(filePath: file(name))
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
    return url.path
  }

  @discardableResult
  package func write(_ text: String, to name: String) throws -> String { try write(text.utf8, to: name) }

  /// Makes a directory in this one and returns its path.
  package func makeDirectory(_ name: String) throws -> String {
    try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    return file(name)
  }

  package func read(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: file(name))) }

  /// Empty when there is no such file.
  package func text(_ name: String) -> String { (try? String(contentsOfFile: file(name), encoding: .utf8)) ?? "" }

  /// What lies in a directory in this one, by name; nothing when there is no such directory.
  package func entries(_ name: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: file(name))) ?? []).sorted()
  }

  /// Makes `other` the same as this one.
  package func copy(to other: TemporaryDirectory) throws {
    try FileManager.default.removeItem(atPath: other.path)
    try FileManager.default.copyItem(atPath: path, toPath: other.path)
  }
}

/// Runs `body` with the path of a directory that is removed afterwards.
package func withTemporaryDirectory<Value>(_ body: (String) throws -> Value) throws -> Value {
  let directory = try TemporaryDirectory()
  return try withExtendedLifetime(directory) { try body(directory.path) }
}
