// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file that appears under its name whole and safe on the disk, or not at all.
///
/// It is written beside its place under a name of its own, synced and renamed, and then the directory is synced. The name
/// beside is locked, so that two writers do not mix; what a killed writer left there is written over. One that is let go
/// of without a commit leaves nothing. Used by one thread.
package struct AtomicFile: ~Copyable {
  package let path: String
  private let temporary: String
  private let lock: FileLock
  private let faults: FileFaults
  private var isCommitted = false

  /// - Parameters:
  ///   - path: what is replaced by the commit, if something is there.
  ///   - suffix: what the name beside it adds.
  ///   - mode: of the file.
  ///   - faults: asked before every operation.
  /// - Throws: what the disk says, about the name beside; ``SystemCallError/isHeldLock`` when another writer is at it.
  package init(
    _ path: String, suffix: String = ".partial", mode: UInt32 = 0o644, faults: @escaping FileFaults = { _ in nil }
  ) throws(SystemCallError) {
    let temporary = path + suffix
    let lock = try FileLock(temporary, mode: mode, patience: .zero, fault: faults(.create))
    try lock.file.truncate()
    self.path = path
    self.temporary = temporary
    self.lock = lock
    self.faults = faults
  }

  deinit {
    // Unlinked while it is locked: the name may be another writer's afterwards.
    if !isCommitted, faults(.remove) == nil { unlink(temporary) }
  }

  package func write(_ bytes: UnsafeRawBufferPointer) throws(SystemCallError) {
    try lock.file.write(bytes, fault: faults(.write))
  }

  package func write(_ bytes: [UInt8]) throws(SystemCallError) {
    try lock.file.write(bytes, fault: faults(.write))
  }

  /// Puts the file in its place.
  ///
  /// After an error from the directory's sync it is there, and may be the old one again after a power cut.
  package consuming func commit() throws(SystemCallError) {
    try lock.file.sync(fault: faults(.sync))
    if let fault = faults(.rename) { throw SystemCallError("rename", temporary, errno: fault.errno) }
    guard rename(temporary, path) == 0 else { throw SystemCallError("rename", "\(temporary) to \(path)", errno: errno) }
    isCommitted = true
    try DirectoryEntries.sync(DirectoryEntries.parent(of: path), fault: faults(.syncDirectory))
  }

  /// Replaces the file at `path` by one that holds `bytes`.
  package static func replace(
    _ path: String, with bytes: [UInt8], suffix: String = ".partial", mode: UInt32 = 0o644,
    faults: @escaping FileFaults = { _ in nil }
  ) throws(SystemCallError) {
    let file = try AtomicFile(path, suffix: suffix, mode: mode, faults: faults)
    try file.write(bytes)
    try file.commit()
  }
}
