import Foundation

/// The reference data that lies outside the repository: `ILLMREC_SHARED`, or `../shared` beside the package.
enum SharedFiles {
  static let root: String = {
    if let path = ProcessInfo.processInfo.environment["ILLMREC_SHARED"] { return path }
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return package.deletingLastPathComponent().appending(path: "shared").path
  }()

  static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: "\(root)/\(path)") }
}
