// SPDX-License-Identifier: Apache-2.0

import Basics
import Digest
import Glibc

/// An open file of known length.
struct ReadableFile: ~Copyable {
  let path: String
  let byteCount: UInt64
  private let file: OpenFile

  init(opening path: String) throws(VectorIndexError) {
    let file = try Self.open(path)
    var status = stat()
    guard fstat(file.descriptor, &status) == 0 else { throw .systemCall("stat", path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw VectorIndexError(.corrupt, "\(path) is not a regular file")
    }
    self.path = path
    self.file = file
    byteCount = UInt64(status.st_size)
  }

  private static func open(_ path: String) throws(VectorIndexError) -> OpenFile {
    do throws(SystemCallError) {
      return try OpenFile(path, O_RDONLY | O_NOFOLLOW)
    } catch {
      throw error.errno == ENOENT ? VectorIndexError(.corrupt, "\(path) is missing") : VectorIndexError(error)
    }
  }

  /// The whole file; refused when it is longer than `limit`.
  func readAll(atMost limit: Int) throws(VectorIndexError) -> [UInt8] {
    guard byteCount <= UInt64(limit) else {
      throw VectorIndexError(.corrupt, "\(path) has \(byteCount) bytes, more than the \(limit) such a file may have")
    }
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(byteCount), alignment: 1)
    defer { bytes.deallocate() }
    var offset = 0
    while offset < bytes.count {
      let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]), from: offset)
      if count == 0 { throw VectorIndexError(.corrupt, "\(path) became shorter while it was read") }
      offset += count
    }
    return Array(bytes)
  }

  /// SHA-256 of the contents. Reads rather than maps: a disk error is an error here, where a mapping would end the
  /// process.
  func sha256() throws(VectorIndexError) -> String {
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { chunk.deallocate() }
    _ = posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    var digest = SHA256()
    var offset = 0
    while true {
      let count = try read(into: chunk, from: offset)
      if count == 0 { return digest.finishHex() }
      digest.update(UnsafeRawBufferPointer(rebasing: chunk.prefix(count)))
      offset += count
    }
  }

  /// The contents in memory, read-only; an empty file maps to an empty buffer.
  func map() throws(VectorIndexError) -> MappedFile {
    try explainingSystemCalls { () throws(SystemCallError) in
      try MappedFile(file.descriptor, byteCount: Int(byteCount), path: path)
    }
  }

  private func read(into buffer: UnsafeMutableRawBufferPointer, from offset: Int) throws(VectorIndexError) -> Int {
    while true {
      let count = pread(file.descriptor, buffer.baseAddress, buffer.count, offset)
      if count >= 0 { return count }
      if errno != EINTR { throw .systemCall("read", path, errno: errno) }
    }
  }
}
