// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A text file, possibly gzipped, read by lines or whole.
package struct TextFile: Sendable {
  package let path: String
  /// What the file is to the user, for errors: "the interactions".
  let what: String

  /// No line of any of these sources is near it; a file without line breaks ends here and not in all memory.
  static let longestLine = 64 << 20
  static let bufferBytes = 1 << 20

  package init(_ path: String, what: String) {
    self.path = path
    self.what = what
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Calls `body` with every line, without its line break, and its number, counted from 1.
  ///
  /// - Parameter progress: told how many bytes of the file were consumed, about once a megabyte.
  func forEachLine(
    progress: (Int) throws -> Void = { _ in }, _ body: (UnsafeBufferPointer<UInt8>, Int) throws -> Void
  ) throws {
    var stream = try ByteStream(path: path, what: what)
    var buffer = [UInt8](repeating: 0, count: Self.bufferBytes)
    var held = 0
    var line = 0
    while true {
      if held == buffer.count {
        guard buffer.count < Self.longestLine else {
          throw DatasetError(
            .malformed, "\(path):\(line + 1): a line of over \(Self.longestLine >> 20) MiB; is this \(what)?")
        }
        buffer.append(contentsOf: repeatElement(0, count: buffer.count))
      }
      let read = try buffer.withUnsafeMutableBufferPointer { bytes in
        try stream.read(into: UnsafeMutableBufferPointer(rebasing: bytes[held...]))
      }
      let available = held + read
      let consumed = try buffer.withUnsafeBufferPointer { bytes in
        try Self.splitLines(UnsafeBufferPointer(rebasing: bytes[..<available]), isLast: read == 0, line: &line, body)
      }
      if read == 0 { return }
      held = available - consumed
      buffer.withUnsafeMutableBufferPointer { bytes in
        guard let base = bytes.baseAddress, consumed > 0, held > 0 else { return }
        _ = memmove(base, base + consumed, held)
      }
      try progress(stream.offset)
    }
  }

  /// Hands out the whole lines of `bytes`, and at the end of the file what follows the last one. Returns what it used.
  private static func splitLines(
    _ bytes: UnsafeBufferPointer<UInt8>, isLast: Bool, line: inout Int,
    _ body: (UnsafeBufferPointer<UInt8>, Int) throws -> Void
  ) throws -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    var start = 0
    while start < bytes.count, let found = memchr(base + start, 0x0A, bytes.count - start) {
      let end = UnsafeRawPointer(found) - UnsafeRawPointer(base)
      line += 1
      try body(UnsafeBufferPointer(rebasing: bytes[start..<end]), line)
      start = end + 1
    }
    if isLast, start < bytes.count {
      line += 1
      try body(UnsafeBufferPointer(rebasing: bytes[start...]), line)
    }
    return start
  }

  /// The file's bytes.
  func bytes() throws(DatasetError) -> [UInt8] {
    var stream = try ByteStream(path: path, what: what)
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: Self.bufferBytes)
    while true {
      var read = 0
      var failure: DatasetError?
      buffer.withUnsafeMutableBufferPointer { slice in
        do throws(DatasetError) { read = try stream.read(into: slice) } catch { failure = error }
      }
      if let failure { throw failure }
      if read == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<read])
    }
  }
}
