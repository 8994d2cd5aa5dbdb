import Foundation

/// A directory that goes away with its owner.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "illmrec-models-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes `bytes` under `name` and returns the path.
  @discardableResult
  func write(_ bytes: some Sequence<UInt8>, as name: String) throws -> String {
    let url = URL(filePath: "\(path)/\(name)")
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
    return url.path
  }
}

extension FixedWidthInteger {
  var littleEndianBytes: [UInt8] { withUnsafeBytes(of: littleEndian, Array.init) }
}

extension [Float] {
  var float32Bytes: [UInt8] { flatMap(\.bitPattern.littleEndianBytes) }
  var float16Bytes: [UInt8] { flatMap { Float16($0).bitPattern.littleEndianBytes } }
  /// Cut, not rounded: for values that bfloat16 holds exactly.
  var bfloat16Bytes: [UInt8] { flatMap { UInt16($0.bitPattern >> 16).littleEndianBytes } }
}
