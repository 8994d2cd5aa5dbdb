// SPDX-License-Identifier: Apache-2.0

import Basics
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

  /// What editors on Windows put before UTF-8 text.
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  private func refuseForeign(_ head: some Sequence<UInt8>) throws(DatasetError) {
    let isArchive = head.starts(with: Self.archiveSignature)
    guard let name = isArchive ? Self.archiveName : ForeignContent.name(head) else { return }
    throw DatasetError(.malformed, "\(path):1: not \(what) but \(name)")
  }

  private static let archiveSignature = Array("PK\u{3}\u{4}".utf8)
  private static let archiveName = "a ZIP archive, or an Excel sheet, which is one; unpack it, or save the sheet as CSV"

  /// Refuses a text whose lines end as those of old Macs: it has no line feed, and other text behind a carriage return.
  private func refuseOldMacLines(_ bytes: some Collection<UInt8>) throws(DatasetError) {
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\r")), bytes[end...].contains(where: { $0 > 0x20 }) else {
      return
    }
    throw DatasetError(
      .malformed,
      "\(path):1: its lines end with a carriage return alone, as those of old Macs; save it with the line ends of Unix or Windows "
        + "(tr '\\r' '\\n' < OLD > NEW)")
  }

  /// Calls `body` with every line, without its line break, and its number, counted from 1. A byte order mark is no part of
  /// the first.
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
      if line == 0, held == 0 { try refuseForeign(buffer[..<min(available, ForeignContent.headBytes)]) }
      if read == 0, line == 0 { try refuseOldMacLines(buffer[..<available]) }
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
      try body(withoutMark(bytes[start..<end], line), line)
      start = end + 1
    }
    if isLast, start < bytes.count {
      line += 1
      try body(withoutMark(bytes[start...], line), line)
    }
    return start
  }

  private static func withoutMark(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ line: Int) -> UnsafeBufferPointer<UInt8>
  {
    let hasMark = line == 1 && bytes.starts(with: byteOrderMark)
    return UnsafeBufferPointer(rebasing: bytes.dropFirst(hasMark ? byteOrderMark.count : 0))
  }

  /// The file's bytes, without a byte order mark.
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
      if read == 0 { break }
      if bytes.isEmpty { try refuseForeign(buffer[..<min(read, ForeignContent.headBytes)]) }
      bytes.append(contentsOf: buffer[..<read])
    }
    return bytes.starts(with: Self.byteOrderMark) ? Array(bytes.dropFirst(Self.byteOrderMark.count)) : bytes
  }
}
