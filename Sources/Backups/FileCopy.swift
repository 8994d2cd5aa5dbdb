// SPDX-License-Identifier: Apache-2.0

import Basics
import Digest
import Glibc

/// A regular file that is read from its start to its end; no link is followed.
struct SourceFile: ~Copyable {
  private let file: OpenFile

  init(_ path: String) throws(SystemCallError) {
    // To open a pipe would wait for whoever writes to it.
    let opened = try OpenFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    var status = stat()
    guard fstat(opened.descriptor, &status) == 0 else { throw SystemCallError("inspect", path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw SystemCallError("read", path, errno: EINVAL) }
    _ = posix_fadvise(opened.descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    file = opened
  }

  /// The next bytes; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Int {
    while true {
      let count = Glibc.read(file.descriptor, buffer.baseAddress, buffer.count)
      if count >= 0 { return count }
      if errno != EINTR { throw SystemCallError("read", file.path, errno: errno) }
    }
  }

  /// - Throws: `EFBIG` for a longer one.
  func readAll(atMost limit: Int) throws(SystemCallError) -> [UInt8] {
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
    defer { chunk.deallocate() }
    var bytes: [UInt8] = []
    while true {
      let count = try read(into: chunk)
      if count == 0 { return bytes }
      bytes += chunk[..<count]
      if bytes.count > limit { throw SystemCallError("read", file.path, errno: EFBIG) }
    }
  }
}

/// Copies files, with their digests and durably.
struct FileCopy {
  /// What was read and written.
  struct Summary: Equatable {
    var bytes: UInt64 = 0
    var sha256 = ""
  }

  /// Told how many bytes were read since it was told last; what it throws ends the copying.
  let progress: (UInt64) throws -> Void

  /// Copies a file to a new one, which is on the disk when this returns.
  func copy(_ source: String, to target: String, mode: UInt32 = 0o600) throws -> Summary {
    var input = try DigestedFile(source)
    let output = try OpenFile(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
    while let part = try input.next() {
      try output.write(part)
      try progress(UInt64(part.count))
    }
    try output.sync()
    return input.summary()
  }

  /// The digest of a file.
  func digest(_ path: String) throws -> Summary {
    var input = try DigestedFile(path)
    while let part = try input.next() { try progress(UInt64(part.count)) }
    return input.summary()
  }

  /// Makes a new file of `bytes`, which is on the disk when this returns.
  static func make(_ path: String, of bytes: [UInt8]) throws(SystemCallError) {
    let file = try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
    try file.write(bytes)
    try file.sync()
  }

  /// Returns when the disk has what was written to a file.
  static func sync(_ path: String) throws(SystemCallError) { try OpenFile(path, O_RDONLY).sync() }
}

/// A file that is read to its end, digested as it goes.
private struct DigestedFile: ~Copyable {
  private let file: SourceFile
  private let chunk: UnsafeMutableRawBufferPointer
  private var digest = SHA256()
  private var bytes: UInt64 = 0

  init(_ path: String) throws(SystemCallError) {
    file = try SourceFile(path)
    chunk = .allocate(byteCount: 1 << 20, alignment: 64)
  }

  deinit { chunk.deallocate() }

  /// The next bytes, valid until the next call; nil at the end.
  mutating func next() throws(SystemCallError) -> UnsafeRawBufferPointer? {
    let count = try file.read(into: chunk)
    if count == 0 { return nil }
    let part = UnsafeRawBufferPointer(rebasing: chunk[..<count])
    digest.update(part)
    bytes += UInt64(count)
    return part
  }

  /// Of what was read. To be asked once.
  mutating func summary() -> FileCopy.Summary {
    var taken = SHA256()
    swap(&taken, &digest)
    return FileCopy.Summary(bytes: bytes, sha256: taken.finishHex())
  }
}
