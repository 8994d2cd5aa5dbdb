// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc

/// A new text file, written through a buffer and made durable by `close`.
struct OutputStream: ~Copyable {
  private let file: OpenFile
  private var buffer: [UInt8] = []

  private static let bufferBytes = 1 << 20

  /// Replaces what is at `path`.
  init(path: String) throws(DatasetError) {
    file = try DatasetError.writing { () throws(SystemCallError) in
      try OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC)
    }
    buffer.reserveCapacity(Self.bufferBytes + 4096)
  }

  mutating func write(_ text: String) throws(DatasetError) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= Self.bufferBytes { try flush() }
  }

  /// Writes what is held and waits for the disk. Says what a full disk says only now.
  consuming func close() throws(DatasetError) {
    try flush()
    try DatasetError.writing { () throws(SystemCallError) in try file.sync() }
  }

  private mutating func flush() throws(DatasetError) {
    try DatasetError.writing { () throws(SystemCallError) in try file.write(buffer) }
    buffer.removeAll(keepingCapacity: true)
  }
}
