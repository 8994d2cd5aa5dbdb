// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Basics

@Suite("A mapped file is read from memory") struct MappedFileTests {
  @Test func `A file's bytes are in memory, and come back after they were given away`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/file"
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
    try Data(bytes).write(to: URL(filePath: path))
    let file = try MappedFile(path)
    let before = Array(file.bytes)
    file.discard(5000..<9000)
    file.discard(0..<0)
    file.discard(0..<20_000)
    // The name may go, the mapping stays.
    unlink(path)
    let after = Array(file.bytes)
    #expect(before == bytes && after == bytes)
  }

  @Test func `An empty file maps to nothing`() throws {
    let directory = try TemporaryDirectory()
    try Data().write(to: URL(filePath: directory.path + "/file"))
    let count = try MappedFile(directory.path + "/file").bytes.count
    #expect(count == 0)
  }

  @Test func `What is missing or no regular file is refused`() throws {
    let directory = try TemporaryDirectory()
    let missing = #expect(throws: SystemCallError.self) { _ = try MappedFile(directory.path + "/none") }
    #expect(missing?.errno == ENOENT)
    #expect(throws: SystemCallError("map", directory.path, errno: EINVAL)) { _ = try MappedFile(directory.path) }
  }
}
