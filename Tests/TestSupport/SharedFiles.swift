// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The reference data that lies outside the repository: `ILLMREC_SHARED`, or `../shared` beside the package.
package enum SharedFiles {
  package static let root: String = {
    if let path = ProcessInfo.processInfo.environment["ILLMREC_SHARED"] { return path }
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return package.deletingLastPathComponent().appending(path: "shared").path
  }()

  package static func path(_ name: String) -> String { "\(root)/\(name)" }

  package static func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
}
