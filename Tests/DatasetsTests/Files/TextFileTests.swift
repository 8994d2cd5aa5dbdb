// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite("Text files are read, gzipped or not")
struct TextFileTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func lines(of path: String) throws -> [String] {
    var lines: [String] = []
    try TextFile(path, what: "the lines").forEachLine { bytes, line in
      lines.append(String(decoding: bytes, as: UTF8.self))
      #expect(line == lines.count)
    }
    return lines
  }

  /// gzip's own tool, so that what is read was not written by the code under test.
  private func gzipped(_ path: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-kf", path]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return path + ".gz"
  }

  @Test(arguments: [false, true])
  func `Lines go across the borders of the buffer, plain and gzipped`(isGzipped: Bool) throws {
    // A line longer than the buffer among short ones; the last has no line break.
    var expected = (0..<70_000).map { "line \($0) " + String(repeating: "x", count: $0 % 37) }
    expected.insert(String(repeating: "y", count: TextFile.bufferBytes * 2 + 17), at: 35_000)
    let path = try directory.write(expected.joined(separator: "\n"), to: "lines.txt")
    let read = try lines(of: isGzipped ? gzipped(path) : path)
    #expect(read == expected)
  }

  @Test
  func `An empty file has no lines, an empty line is one`() throws {
    #expect(try lines(of: directory.write("", to: "a")) == [])
    #expect(try lines(of: directory.write("\n\nx\n", to: "b")) == ["", "", "x"])
  }

  @Test
  func `Members one after the other, as gzip allows, are one file`() throws {
    let first = try gzipped(directory.write("one\ntw", to: "a"))
    let second = try gzipped(directory.write("o\nthree", to: "b"))
    let both = try Data(contentsOf: URL(fileURLWithPath: first)) + Data(contentsOf: URL(fileURLWithPath: second))
    #expect(try lines(of: directory.write(Array(both), to: "c.gz")) == ["one", "two", "three"])
  }

  @Test
  func `A cut or damaged gzip stream is refused by name, wherever it was cut`() throws {
    let text = (0..<20_000).map { "line \($0 &* 2_654_435_761 % 99_991)" }.joined(separator: "\n")
    let whole = try Array(Data(contentsOf: URL(fileURLWithPath: gzipped(directory.write(text, to: "a")))))
    for length in [whole.count - 1, whole.count - 8, whole.count / 2, 30] {
      let path = try directory.write(Array(whole[..<length]), to: "cut.gz")
      let error = #expect(throws: DatasetError.self) { try lines(of: path) }
      #expect(
        error?.message.contains("\(path): the gzip stream ends early") == true, "\(length): \(error?.message ?? "")")
    }
    var flipped = whole
    flipped[whole.count / 2] ^= 0xFF
    let path = try directory.write(flipped, to: "bad.gz")
    let error = #expect(throws: DatasetError.self) { try lines(of: path) }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains(path) == true)
  }

  @Test
  func `A missing file and a directory are refused by name`() {
    let error = #expect(throws: DatasetError.self) { try lines(of: "/nowhere/x") }
    #expect(error?.message == "/nowhere/x: no such file (the lines)")
    #expect(throws: DatasetError.self) { try lines(of: directory.path) }
  }
}
