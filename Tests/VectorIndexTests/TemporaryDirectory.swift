import Foundation
import VectorIndex

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

extension VersionStore {
  static let trained = BuiltBy(name: "model", version: "1", fingerprint: "f", spaceFingerprint: "space-1")

  /// Uploads and publishes a catalog in chunks of a few items.
  @discardableResult
  func publish(
    _ catalog: Catalog, index: String = "items", requestID: String = "", labels: [String: String] = [:]
  ) throws -> ListedVersion {
    let header = UploadHeader(
      index: index, requestID: requestID, builtBy: Self.trained, dim: catalog.dim, labels: labels)
    let upload = try beginUpload(header)
    for first in stride(from: 0, to: catalog.ids.count, by: 7) {
      let end = min(first + 7, catalog.ids.count)
      try upload.append(
        itemIDs: Array(catalog.ids[first..<end]),
        values: Array(catalog.values[first * catalog.dim..<end * catalog.dim]))
    }
    return try publish(upload, expectedItems: UInt64(catalog.ids.count))
  }
}
