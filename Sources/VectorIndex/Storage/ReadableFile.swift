import Digest
import Glibc

/// An open file of known length.
struct ReadableFile: ~Copyable {
  let path: String
  let byteCount: UInt64
  private let descriptor: Int32

  init(opening path: String) throws(VectorIndexError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      if errno == ENOENT { throw VectorIndexError(.corrupt, "\(path) is missing") }
      throw .systemCall("open", path, errno: errno)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let reason = errno
      close(descriptor)
      throw .systemCall("stat", path, errno: reason)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw VectorIndexError(.corrupt, "\(path) is not a regular file")
    }
    self.path = path
    self.descriptor = descriptor
    byteCount = UInt64(status.st_size)
  }

  deinit { close(descriptor) }

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
    _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
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
    guard byteCount > 0 else { return MappedFile(takingOwnershipOf: UnsafeRawBufferPointer(start: nil, count: 0)) }
    guard let length = Int(exactly: byteCount),
      let address = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0), address != MAP_FAILED
    else { throw .systemCall("mmap", path, errno: errno) }
    return MappedFile(takingOwnershipOf: UnsafeRawBufferPointer(start: address, count: length))
  }

  private func read(into buffer: UnsafeMutableRawBufferPointer, from offset: Int) throws(VectorIndexError) -> Int {
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, offset)
      if count >= 0 { return count }
      if errno != EINTR { throw .systemCall("read", path, errno: errno) }
    }
  }
}

/// A file's contents in memory, unmapped when the value goes.
///
/// Sendable although it holds a pointer: the memory is read-only and stays mapped for the value's whole life.
struct MappedFile: ~Copyable, @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer

  /// Takes over a mapping made by `mmap`.
  init(takingOwnershipOf bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  deinit {
    if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
  }
}
