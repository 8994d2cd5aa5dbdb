import Glibc

/// A whole file, mapped for reading.
///
/// The file must not be cut short while it is mapped: replace a checkpoint by renaming a new one into its place.
package final class MappedFile: Sendable {
  package let path: String
  // Never written and never moved between `init` and `deinit`.
  nonisolated(unsafe) private let bytes: UnsafeRawBufferPointer
  /// Bytes of the file.
  package var count: Int { bytes.count }

  package init(path: String) throws(ModelError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.failure(path, "opened", errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, "inspected", errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ModelError(.unreadable, "\(path) is not a regular file")
    }
    self.path = path
    guard status.st_size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let address = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address, address != MAP_FAILED else { throw Self.failure(path, "mapped", errno) }
    bytes = UnsafeRawBufferPointer(start: address, count: Int(status.st_size))
  }

  deinit {
    if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
  }

  private static func failure(_ path: String, _ action: String, _ number: Int32) -> ModelError {
    let code: ModelError.Code = number == ENOENT || number == ENOTDIR ? .notFound : .unreadable
    return ModelError(code, "\(path) cannot be \(action): \(String(cString: strerror(number)))")
  }
}

extension MappedFile {
  /// The little-endian integer at `offset`, or nil when it would reach past the end.
  func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value? {
    guard offset >= 0, offset <= bytes.count - MemoryLayout<Value>.size else { return nil }
    return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
  }

  /// The UTF-8 text of `count` bytes at `offset`, or nil when it reaches past the end or is not UTF-8.
  func text(_ offset: Int, _ count: Int) -> String? {
    guard holds(offset, count) else { return nil }
    return String(validating: bytes[offset..<offset + count], as: UTF8.self)
  }

  /// Whether `count` bytes at `offset` lie inside the file.
  func holds(_ offset: Int, _ count: Int) -> Bool {
    offset >= 0 && count >= 0 && offset <= bytes.count && count <= bytes.count - offset
  }

  /// Lends the bytes to `body`, which must not keep the pointer: the mapping ends with the last reference to this file.
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(bytes)
  }

  /// Gives back the memory of `count` bytes at `offset` that were read; reading them again brings them back.
  func discard(_ offset: Int, _ count: Int) {
    guard let base = bytes.baseAddress, holds(offset, count) else { return }
    let page = 4096
    let start = offset / page * page
    // A file of huge pages may refuse, which costs memory and nothing else.
    _ = madvise(UnsafeMutableRawPointer(mutating: base + start), offset + count - start, MADV_DONTNEED)
  }

  /// The address of byte `offset`, for those who keep this file alive as long as they use it.
  func address(of offset: Int) -> UnsafeRawPointer? { bytes.baseAddress.map { $0 + offset } }
}
