// SPDX-License-Identifier: Apache-2.0

import Foundation

/// An executable beside the test's own that kills itself at some step; `swift build --build-tests` makes both.
package struct CrashingProbe: Sendable {
  private let path: String

  package init(_ name: String) {
    path = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent(name).path
  }

  package var isBuilt: Bool { FileManager.default.isExecutableFile(atPath: path) }

  /// Steps between two kills: the short version of `make test` takes every seventh.
  package static let stride = ProcessInfo.processInfo.environment["ILLMREC_KILLS"] == nil ? 7 : 1

  /// How it ended.
  package enum End: Equatable {
    case killed
    case exit(Int32)
  }

  /// Runs it to its end.
  package func run(_ arguments: [String]) throws -> End {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    let status = process.terminationStatus
    return process.terminationReason == .uncaughtSignal && status == SIGKILL ? .killed : .exit(status)
  }
}
