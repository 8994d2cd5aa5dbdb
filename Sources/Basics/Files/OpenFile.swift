// SPDX-License-Identifier: Apache-2.0

import Glibc

/// An open file that is written: all the bytes, or an error. It is closed when the value goes, and not inherited by programs
/// that this process starts.
package struct OpenFile: ~Copyable, Sendable {
  package let path: String
  package let descriptor: Int32

  /// - Parameters:
  ///   - flags: as `open` takes them.
  ///   - mode: of a file that is created.
  package init(
    _ path: String, _ flags: Int32, mode: UInt32 = 0o644, fault: FileFault? = nil
  ) throws(SystemCallError) {
    let call = flags & O_CREAT != 0 ? "create" : "open"
    if let fault { throw SystemCallError(call, path, errno: fault.errno) }
    let descriptor = open(path, flags | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw SystemCallError(call, path, errno: errno) }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// A new file for its owner alone to read; fails where one is there.
  package static func createForOwner(_ path: String) throws(SystemCallError) -> OpenFile {
    try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
  }

  /// Writes all bytes where the file stands.
  package func write(_ bytes: UnsafeRawBufferPointer, fault: FileFault? = nil) throws(SystemCallError) {
    switch fault {
    case nil:
      try writeAll(bytes)
    case .failure(let errno):
      throw SystemCallError("write", path, errno: errno)
    case .shortWrite(let errno):
      try writeAll(UnsafeRawBufferPointer(rebasing: bytes.prefix(bytes.count / 2)))
      throw SystemCallError("write", path, errno: errno)
    }
  }

  package func write(_ bytes: [UInt8], fault: FileFault? = nil) throws(SystemCallError) {
    try bytes.withUnsafeBufferPointer { bytes throws(SystemCallError) in
      try write(UnsafeRawBufferPointer(bytes), fault: fault)
    }
  }

  /// Returns when the disk has what was written. A full disk may say so only now.
  package func sync(fault: FileFault? = nil) throws(SystemCallError) {
    if let fault { throw SystemCallError("fsync", path, errno: fault.errno) }
    if fsync(descriptor) != 0 { throw SystemCallError("fsync", path, errno: errno) }
  }

  /// Takes all bytes out of the file. What is not a regular file has none.
  package func truncate() throws(SystemCallError) {
    if ftruncate(descriptor, 0) != 0, errno != EINVAL { throw SystemCallError("truncate", path, errno: errno) }
  }

  /// Whether the file still lies at its path: neither removed nor replaced since it was opened.
  package var isInPlace: Bool {
    var opened = stat(), named = stat()
    return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino
      && opened.st_dev == named.st_dev
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) throws(SystemCallError) {
    var left = bytes
    while !left.isEmpty {
      let count = Glibc.write(descriptor, left.baseAddress, left.count)
      if count < 0, errno == EINTR { continue }
      // Nothing written and no reason given: the disk takes no more.
      guard count > 0 else { throw SystemCallError("write", path, errno: count < 0 ? errno : ENOSPC) }
      left = UnsafeRawBufferPointer(rebasing: left.dropFirst(count))
    }
  }
}
