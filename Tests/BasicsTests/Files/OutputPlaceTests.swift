// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Basics

@Suite("What a user names to be written is written as what it is") struct OutputPlaceTests {
  private let directory: TemporaryDirectory
  private var path: String { directory.path }

  init() throws { directory = try TemporaryDirectory() }

  private func text(_ name: String) throws -> String { try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8) }

  private func link(_ name: String, to target: String) throws {
    try #require(symlink(target, "\(path)/\(name)") == 0)
  }

  private func kind(_ name: String) throws -> UInt32 {
    var status = stat()
    try #require(lstat("\(path)/\(name)", &status) == 0)
    return status.st_mode & S_IFMT
  }

  @Test func `A file is replaced, and a link to it stays a link`() throws {
    try Data("old".utf8).write(to: URL(filePath: "\(path)/file"))
    try link("link", to: "file")
    try link("second", to: "\(path)/link")
    let place = OutputPlace("\(path)/second")
    #expect(place.kind == .file && place.path == OutputPlace("\(path)/file").path)
    try place.write(Data("new".utf8))
    #expect(try text("file") == "new" && text("second") == "new")
    #expect(try kind("link") == S_IFLNK && kind("second") == S_IFLNK)
  }

  @Test func `A link to nothing makes what it leads to`() throws {
    try link("link", to: "later")
    try OutputPlace("\(path)/link").write(Data("new".utf8))
    #expect(try text("later") == "new" && kind("link") == S_IFLNK)
  }

  @Test func `A link round to itself is no place`() throws {
    try link("a", to: "b")
    try link("b", to: "a")
    #expect(throws: (any Error).self) { try OutputPlace("\(path)/a/file").requireFile() }
  }

  /// A reader that is there already, so that nothing waits.
  @Test func `A pipe gets the bytes and stays`() throws {
    let pipe = "\(path)/pipe"
    try #require(mkfifo(pipe, 0o600) == 0)
    let reader = open(pipe, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    let place = OutputPlace(pipe)
    #expect(place.kind == .stream)
    try place.write(Data("bytes".utf8))
    var bytes = [UInt8](repeating: 0, count: 16)
    #expect(read(reader, &bytes, bytes.count) == 5 && bytes.prefix(5).elementsEqual("bytes".utf8))
    #expect(try kind("pipe") == S_IFIFO)
  }

  @Test func `A device is written into, and a directory is nothing to write`() throws {
    let place = OutputPlace("/dev/null")
    #expect(place.kind == .stream)
    try place.write(Data("bytes".utf8))
    #expect(OutputPlace("/dev/null").kind == .stream)
    #expect(OutputPlace(path).kind == .other)
  }

  @Test func `Names of one place are one path`() throws {
    try link("here", to: ".")
    let names = ["new", "./new", "here/new", "here/here/new"]
    #expect(Set(names.map { OutputPlace("\(path)/\($0)").path }).count == 1)
    #expect(OutputPlace("new").path.hasSuffix("/new") && OutputPlace("/new").path == "/new")
  }

  @Test func `Whether a place takes files is tried, and nothing is left`() throws {
    try OutputPlace("\(path)/new").requireFile()
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
    let error = #expect(throws: SystemCallError.self) { try OutputPlace("/proc/x.csv").requireFile() }
    #expect(error != nil)
    #expect(throws: SystemCallError.self) { try OutputPlace("\(path)/none/x.csv").requireFile() }
  }
}
