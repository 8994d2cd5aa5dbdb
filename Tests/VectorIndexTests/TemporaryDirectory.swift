import Foundation

/// A directory of its own for a test, gone with the test.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    // In memory where there is such a file system: the tests sync thousands of times.
    let memory = "/dev/shm"
    let parent = access(memory, W_OK) == 0 ? memory : FileManager.default.temporaryDirectory.path
    path = "\(parent)/illmrec-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func entries(_ sub: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(sub)")) ?? []).sorted()
  }

  func read(_ sub: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(sub)")) }

  func write(_ data: Data, to sub: String) throws { try data.write(to: URL(fileURLWithPath: "\(path)/\(sub)")) }

  func copy(to other: TemporaryDirectory) throws {
    try FileManager.default.removeItem(atPath: other.path)
    try FileManager.default.copyItem(atPath: path, toPath: other.path)
  }
}
