// SPDX-License-Identifier: Apache-2.0

import Basics
import Digest
import Glibc

/// A new file that is written from its start to its end, digested as it goes.
///
/// Small appends are gathered; at most `bufferSize` bytes wait in memory.
struct WritableFile: ~Copyable {
  /// A finished file, as a manifest records it.
  struct Summary {
    let bytes: UInt64
    let sha256: String
  }

  private static let bufferSize = 256 * 1024

  private let disk: Disk
  private let file: OpenFile
  private var digest = SHA256()
  private var waiting: [UInt8] = []
  private var written: UInt64 = 0

  /// Creates the file; one that exists is an error.
  init(creating path: String, on disk: Disk, at step: StorageStep) throws(VectorIndexError) {
    file = try explainingSystemCalls { () throws(SystemCallError) in
      try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600, fault: disk.faults.fault(at: step))
    }
    self.disk = disk
    waiting.reserveCapacity(Self.bufferSize)
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer, at step: StorageStep) throws(VectorIndexError) {
    if waiting.count + bytes.count > Self.bufferSize { try flush(at: step) }
    if bytes.count >= Self.bufferSize {
      try write(bytes, at: step)
    } else {
      waiting.append(contentsOf: bytes)
    }
  }

  mutating func append(littleEndian value: UInt64, at step: StorageStep) throws(VectorIndexError) {
    let little = value.littleEndian
    if waiting.count + 8 > Self.bufferSize { try flush(at: step) }
    withUnsafeBytes(of: little) { waiting.append(contentsOf: $0) }
  }

  /// Puts everything that waits into the file.
  mutating func flush(at step: StorageStep) throws(VectorIndexError) {
    let bytes = waiting
    waiting.removeAll(keepingCapacity: true)
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(VectorIndexError) in try write(bytes, at: step) }
  }

  /// Writes the rest, makes it durable and closes the file.
  consuming func finish(
    writing writeStep: StorageStep, syncing syncStep: StorageStep
  ) throws(VectorIndexError) -> Summary {
    try flush(at: writeStep)
    try explainingSystemCalls { () throws(SystemCallError) in
      try file.sync(fault: disk.faults.fault(at: syncStep))
    }
    let bytes = written
    return Summary(bytes: bytes, sha256: takeDigest())
  }

  private mutating func takeDigest() -> String {
    var taken = SHA256()
    swap(&taken, &digest)
    return taken.finishHex()
  }

  private mutating func write(_ bytes: UnsafeRawBufferPointer, at step: StorageStep) throws(VectorIndexError) {
    if bytes.isEmpty { return }
    try explainingSystemCalls { () throws(SystemCallError) in
      try file.write(bytes, fault: disk.faults.fault(at: step))
    }
    digest.update(bytes)
    written += UInt64(bytes.count)
  }
}
