// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Basics

@Suite("An atomic file appears whole or not at all") struct AtomicFileTests {
  /// Fails at one operation, and counts all.
  private final class Faults: Sendable {
    let met = Mutex<[FileOperation]>([])
    let broken: FileOperation?
    let crashes: Bool

    init(at broken: FileOperation?, crashes: Bool = false) {
      self.broken = broken
      self.crashes = crashes
    }

    @Sendable func fault(at operation: FileOperation) -> FileFault? {
      met.withLock { met in
        met.append(operation)
        guard let broken else { return nil }
        return operation == broken || crashes && met.contains(broken) ? .shortWrite(errno: ENOSPC) : nil
      }
    }
  }

  private func content(_ path: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: URL(filePath: path))) }

  private func names(_ directory: TemporaryDirectory) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
  }

  @Test func `A commit replaces the file and leaves nothing beside it`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/file"
    let faults = Faults(at: nil)
    try AtomicFile.replace(path, with: [1], mode: 0o600)
    try AtomicFile.replace(path, with: [2, 3], faults: faults.fault)
    #expect(try content(path) == [2, 3])
    #expect(try names(directory) == ["file"])
    #expect(faults.met.withLock(\.self) == [.create, .write, .sync, .rename, .syncDirectory])
  }

  @Test func `Nothing is seen before the commit, and without one nothing stays`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/file"
    do {
      let file = try AtomicFile(path, suffix: ".new")
      try file.write([1])
      #expect(try names(directory) == ["file.new"])
    }
    #expect(try names(directory).isEmpty)
  }

  @Test(arguments: [FileOperation.create, .write, .sync, .rename])
  func `A failure leaves the file as it was`(operation: FileOperation) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/file"
    try AtomicFile.replace(path, with: [1])
    let error = #expect(throws: SystemCallError.self) {
      try AtomicFile.replace(path, with: [2, 3], faults: Faults(at: operation).fault)
    }
    #expect(error?.errno == ENOSPC)
    #expect(try content(path) == [1])
    #expect(try names(directory) == ["file"])
  }

  @Test(arguments: [FileOperation.create, .write, .sync, .rename])
  func `What a killed writer left is written over`(operation: FileOperation) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/file"
    #expect(throws: SystemCallError.self) {
      try AtomicFile.replace(path, with: [2, 3], faults: Faults(at: operation, crashes: true).fault)
    }
    #expect(try names(directory) == (operation == .create ? [] : ["file.partial"]))
    try AtomicFile.replace(path, with: [4])
    #expect(try content(path) == [4])
    #expect(try names(directory) == ["file"])
  }

  @Test func `An error of the directory's sync comes after the replacement`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/file"
    #expect(throws: SystemCallError.self) {
      try AtomicFile.replace(path, with: [2], faults: Faults(at: .syncDirectory).fault)
    }
    #expect(try content(path) == [2])
    #expect(try names(directory) == ["file"])
  }

  @Test func `Two writers of one file do not mix`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/file"
    let first = try AtomicFile(path)
    try first.write([1])
    let error = #expect(throws: SystemCallError.self) { try AtomicFile.replace(path, with: [2]) }
    #expect(error?.isHeldLock == true)
    try first.commit()
    #expect(try content(path) == [1])
    try AtomicFile.replace(path, with: [2])
    #expect(try content(path) == [2])
  }
}
