// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import TestSupport
import Testing
import VectorIndex

/// A process killed at every disk operation of every change.
@Suite("A store may be killed at every step", .enabled(if: probe.isBuilt, "build the product CrashProbe first"))
struct KilledStoreTests {
  @Test(arguments: StoreChange.allCases)
  func `The next start finds the state before or after, and the change can be made again`(change: StoreChange) throws {
    let prepared = try TemporaryDirectory(inMemory: true)
    try change.prepare(VersionStore(path: prepared.path))
    let before = try StoreChange.state(of: VersionStore(path: prepared.path))
    let after = try performed(change, in: prepared)
    var kills = 0
    for operation in stride(from: 0, to: .max, by: CrashingProbe.stride) {
      let directory = try TemporaryDirectory(inMemory: true)
      try prepared.copy(to: directory)
      guard try kill(change, at: operation, in: directory) else { break }
      kills += 1
      let comment: Comment = "\(change) killed at operation \(operation)"
      let store = try VersionStore(path: directory.path)
      #expect(store.findings.allSatisfy { $0.severity != .error }, "\(comment): \(store.findings)")
      #expect([before, after].contains(try StoreChange.state(of: store)), comment)
      #expect(directory.entries("staging").isEmpty && directory.entries("quarantine").isEmpty, comment)
      try FaultTests.expectWhole(store, comment)
      try change.perform(on: store)
      #expect(try StoreChange.state(of: store) == after, comment)
    }
    #expect(kills > 0)
  }

  private func performed(_ change: StoreChange, in prepared: TemporaryDirectory) throws -> [String] {
    let directory = try TemporaryDirectory(inMemory: true)
    try prepared.copy(to: directory)
    let store = try VersionStore(path: directory.path)
    try change.perform(on: store)
    return try StoreChange.state(of: store)
  }

  /// False when the change has fewer operations.
  private func kill(_ change: StoreChange, at operation: Int, in directory: TemporaryDirectory) throws -> Bool {
    let end = try probe.run([directory.path, change.rawValue, String(operation)])
    #expect(end == .killed || end == .exit(0), "\(change) at \(operation)")
    return end == .killed
  }
}

private let probe = CrashingProbe("CrashProbe")
