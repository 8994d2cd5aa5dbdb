// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A whole file in memory, or what stands for one, read-only; unmapped when the value goes.
///
/// The file must not be cut short while it is mapped: replace a file by renaming a new one into its place.
///
/// Sendable although it holds a pointer: the memory is never written and stays mapped for the value's whole life.
package struct MappedFile: ~Copyable, @unchecked Sendable {
  /// Nothing for an empty file, which has no mapping.
  package let bytes: UnsafeRawBufferPointer
  /// Whether bytes that are given back can be read again.
  private let isBacked: Bool

  /// Maps a regular file.
  ///
  /// - Throws: ``SystemCallError`` with `EINVAL` of "map" when it is something else.
  package init(_ path: String) throws(SystemCallError) {
    // To open a pipe would wait for whoever writes to it.
    let file = try OpenFile(path, O_RDONLY | O_NONBLOCK)
    var status = stat()
    guard fstat(file.descriptor, &status) == 0 else { throw SystemCallError("inspect", path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw SystemCallError("map", path, errno: EINVAL) }
    try self.init(file.descriptor, byteCount: Int(status.st_size), path: path)
  }

  /// Maps the first `byteCount` bytes of an open file, which may be closed afterwards.
  package init(_ descriptor: Int32, byteCount: Int, path: String) throws(SystemCallError) {
    isBacked = true
    guard byteCount > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let address = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let address, address != MAP_FAILED else { throw SystemCallError("map", path, errno: errno) }
    bytes = UnsafeRawBufferPointer(start: address, count: byteCount)
  }

  /// Memory in the place of a file, such as what a compressed entry of an archive holds.
  ///
  /// - Parameter fill: is given `byteCount` bytes, and returns whether it filled them.
  /// - Returns: nil when there is no memory, or it was not filled.
  package init?(inMemory byteCount: Int, fill: (UnsafeMutableRawBufferPointer) -> Bool) {
    isBacked = false
    guard byteCount > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      guard fill(UnsafeMutableRawBufferPointer(start: nil, count: 0)) else { return nil }
      return
    }
    let address = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address, address != MAP_FAILED else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return nil
    }
    bytes = UnsafeRawBufferPointer(start: address, count: byteCount)
    guard fill(UnsafeMutableRawBufferPointer(start: address, count: byteCount)) else { return nil }
    mprotect(address, byteCount, PROT_READ)
  }

  deinit {
    if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
  }

  /// Gives back the memory of `range`, whose bytes were read; reading them again brings them back.
  package func discard(_ range: Range<Int>) {
    guard isBacked, let base = bytes.baseAddress, !range.isEmpty, range.upperBound <= bytes.count else { return }
    let start = range.lowerBound / Self.page * Self.page
    // A file of huge pages may refuse, which costs memory and nothing else.
    _ = madvise(UnsafeMutableRawPointer(mutating: base + start), range.upperBound - start, MADV_DONTNEED)
  }

  private static let page = 4096
}
