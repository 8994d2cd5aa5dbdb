// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc

extension Descriptor {
  /// Reads to the end and hands out the text line by line. Blocks.
  func forEachLine(_ body: (String) -> Void) {
    var splitter = LineSplitter()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(number, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      for line in splitter.lines(completedBy: buffer[..<count]) { body(line) }
    }
    if let rest = splitter.rest() { body(rest) }
  }
}

/// Cuts a stream of bytes into lines. A line without an end in sight is cut, so that no output fills the memory.
struct LineSplitter {
  static let maxLineBytes = 1 << 16
  private var pending: [UInt8] = []

  mutating func lines(completedBy bytes: ArraySlice<UInt8>) -> [String] {
    var lines: [String] = []
    for byte in bytes {
      if byte != UInt8(ascii: "\n") { pending.append(byte) }
      if byte == UInt8(ascii: "\n") || pending.count == Self.maxLineBytes {
        lines.append(String(decoding: pending, as: UTF8.self))
        pending.removeAll(keepingCapacity: true)
      }
    }
    return lines
  }

  /// What stands behind the last line end, if anything.
  func rest() -> String? {
    pending.isEmpty ? nil : String(decoding: pending, as: UTF8.self)
  }
}
