import Glibc

/// A new text file, written through a buffer and made durable by `close`.
struct OutputStream: ~Copyable {
  private let descriptor: Int32
  private let path: String
  private var buffer: [UInt8] = []

  private static let bufferBytes = 1 << 20

  /// Replaces what is at `path`.
  init(path: String) throws(DatasetError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw DatasetError.cannotWrite(path, errno: errno) }
    buffer.reserveCapacity(Self.bufferBytes + 4096)
  }

  deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

  mutating func write(_ text: String) throws(DatasetError) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= Self.bufferBytes { try flush() }
  }

  /// Writes what is held and waits for the disk. Says what a full disk says only now.
  consuming func close() throws(DatasetError) {
    try flush()
    if fsync(descriptor) != 0 { throw DatasetError.cannotWrite(path, errno: errno) }
  }

  private mutating func flush() throws(DatasetError) {
    var start = 0
    while start < buffer.count {
      let written = buffer.withUnsafeBytes { bytes in
        Glibc.write(descriptor, bytes.baseAddress.map { $0 + start }, bytes.count - start)
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw DatasetError.cannotWrite(path, errno: written < 0 ? errno : ENOSPC) }
      start += written
    }
    buffer.removeAll(keepingCapacity: true)
  }
}
