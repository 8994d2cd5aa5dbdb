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

  let path: String
  private let disk: Disk
  private let descriptor: Int32
  private var digest = SHA256()
  private var waiting: [UInt8] = []
  private var written: UInt64 = 0

  /// Creates the file; one that exists is an error.
  init(creating path: String, on disk: Disk, at step: StorageStep) throws(VectorIndexError) {
    try disk.refuse("create", path, at: step)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw .systemCall("create", path, errno: errno) }
    self.path = path
    self.disk = disk
    self.descriptor = descriptor
    waiting.reserveCapacity(Self.bufferSize)
  }

  deinit { close(descriptor) }

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
    try disk.refuse("fsync", path, at: syncStep)
    if fsync(descriptor) != 0 { throw .systemCall("fsync", path, errno: errno) }
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
    switch disk.faults.fault(at: step) {
    case .failure(let errno):
      throw .systemCall("write", path, errno: errno)
    case .shortWrite(let errno):
      try writeAll(UnsafeRawBufferPointer(rebasing: bytes.prefix(bytes.count / 2)))
      throw .systemCall("write", path, errno: errno)
    case nil:
      try writeAll(bytes)
    }
    digest.update(bytes)
    written += UInt64(bytes.count)
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) throws(VectorIndexError) {
    var left = bytes
    while !left.isEmpty {
      let count = Glibc.write(descriptor, left.baseAddress, left.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw .systemCall("write", path, errno: errno)
      }
      left = UnsafeRawBufferPointer(rebasing: left.dropFirst(count))
    }
  }
}
