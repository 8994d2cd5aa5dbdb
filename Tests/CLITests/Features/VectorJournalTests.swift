// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import CLI

@Suite("A journal of vectors goes on where it was broken off")
struct VectorJournalTests {
  private static let keys = (0..<3).map { [UInt8](repeating: $0, count: 32) }

  private func journal(_ directory: TemporaryDirectory, identity: String = "a") throws -> VectorJournal {
    try VectorJournal(path: directory.path + "/x.partial", identity: identity, width: 2)
  }

  @Test func `What was written is read again`() throws {
    let directory = try TemporaryDirectory()
    let first = try journal(directory)
    try first.append([(Self.keys[0], [1, 2]), (Self.keys[1], [3, 4])])
    try first.append([(Self.keys[2], [5, 6])])
    #expect(try journal(directory).vectors == [Self.keys[0]: [1, 2], Self.keys[1]: [3, 4], Self.keys[2]: [5, 6]])
  }

  @Test func `A record that was cut short is dropped`() throws {
    let directory = try TemporaryDirectory()
    let first = try journal(directory)
    try first.append([(Self.keys[0], [1, 2]), (Self.keys[1], [3, 4])])
    let url = URL(filePath: directory.path + "/x.partial")
    try Data(contentsOf: url).dropLast(7).write(to: url)
    let second = try journal(directory)
    #expect(second.vectors == [Self.keys[0]: [1, 2]])
    try second.append([(Self.keys[2], [5, 6])])
    #expect(try journal(directory).vectors == [Self.keys[0]: [1, 2], Self.keys[2]: [5, 6]])
  }

  @Test func `Another encoder's is begun anew`() throws {
    let directory = try TemporaryDirectory()
    let first = try journal(directory)
    try first.append([(Self.keys[0], [1, 2])])
    #expect(try journal(directory, identity: "b").vectors.isEmpty)
    #expect(try journal(directory).vectors.isEmpty)
    try journal(directory).remove()
    #expect(!FileManager.default.fileExists(atPath: directory.path + "/x.partial"))
  }
}
