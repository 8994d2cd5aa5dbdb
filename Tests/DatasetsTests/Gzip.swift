// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// gzip's own tool, so that what is read was not written by the code under test.
enum Gzip {
  /// Puts `path` with `.gz` behind it in its place.
  static func pack(_ path: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-f", path]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }
}
