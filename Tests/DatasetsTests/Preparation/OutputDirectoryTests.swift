// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite("A prepared directory appears whole, by one run at a time") struct OutputDirectoryTests {
  private let directory: TemporaryDirectory
  private var out: String { directory.path + "/out" }

  init() throws { directory = try TemporaryDirectory() }

  /// A copy of this process's open descriptor of the file at `path`: what a child has that another thread forks.
  private func copy(ofOpen path: String) throws -> Int32 {
    let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
    let number = numbers.first { number in
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")) == path
    }
    return dup(try #require(number))
  }

  @Test func `One run at a time prepares a directory`() throws {
    let first = try OutputDirectory(out, replaces: false)
    let error = #expect(throws: DatasetError.self) { _ = try OutputDirectory(out, replaces: false) }
    #expect(error?.message == "\(out): another run prepares it; wait for its end, or stop it")
    let path = first.path
    #expect(path == out)
  }

  @Test func `A directory that was let go of is free although a child has a copy of its lock`() throws {
    let copy: Int32
    do {
      let directory = try OutputDirectory(out, replaces: false)
      try "kept".write(toFile: directory.imageChecks, atomically: false, encoding: .utf8)
      copy = try self.copy(ofOpen: directory.partial + "/.lock")
    }
    defer { close(copy) }
    _ = try OutputDirectory(out, replaces: false)
  }

  @Test func `Only a prepared data set is replaced`() throws {
    try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    try "mine".write(toFile: out + "/notes.txt", atomically: false, encoding: .utf8)
    let error = #expect(throws: DatasetError.self) { _ = try OutputDirectory(out, replaces: true) }
    #expect(error?.message.contains("no prepared data set (it has no illmrec_dataset.json)") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: out) == ["notes.txt"])
    try "{}".write(toFile: out + "/illmrec_dataset.json", atomically: false, encoding: .utf8)
    try OutputDirectory(out, replaces: true).publish()
    #expect(try FileManager.default.contentsOfDirectory(atPath: out).isEmpty)
  }

  @Test func `An output in whose place something lies that is read is refused`() throws {
    let raw = directory.path + "/outer/raw"
    try FileManager.default.createDirectory(atPath: raw, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: directory.path + "/link", withDestinationPath: raw)
    for out in [raw, raw + "/", raw + "/../raw", directory.path + "/outer", directory.path + "/link", "/"] {
      #expect(throws: DatasetError.self, "\(out)") {
        try OutputDirectory.requireApart(out, from: [raw + "/items.csv"])
      }
    }
    for out in [raw + "/prepared", raw + "2", directory.path + "/other"] {
      try OutputDirectory.requireApart(out, from: [raw + "/items.csv"])
    }
    #expect(throws: DatasetError.self) { _ = try OutputDirectory("", replaces: false) }
  }

  @Test func `A published directory holds neither the lock nor the image checks`() throws {
    let directory = try OutputDirectory(out, replaces: false)
    for path in [directory.imageChecks, directory.partial + "/items.csv"] {
      try "x".write(toFile: path, atomically: false, encoding: .utf8)
    }
    try directory.publish()
    #expect(try FileManager.default.contentsOfDirectory(atPath: out) == ["items.csv"])
    #expect(!FileManager.default.fileExists(atPath: out + ".partial"))
  }
}
