import Digest
import Glibc

/// A new file that appears under its name whole and safe on disk, or not at all.
///
/// It is written beside its place, under a name of its own, and renamed at the end. Whoever lets go of one that was not
/// committed leaves nothing. Used by one thread.
final class DurableFile {
  private let path: String
  private let partial: String
  private let descriptor: Int32
  /// Over everything written so far; nil once it was taken.
  private var digest: SHA256? = SHA256()

  init(_ path: String) throws(TrainingError) {
    self.path = path
    partial = path + ".partial"
    descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw Self.failure(path, errno) }
  }

  deinit {
    close(descriptor)
    // After a commit there is nothing under this name.
    unlink(partial)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(TrainingError) {
    digest?.update(bytes)
    var rest = bytes
    while let base = rest.baseAddress, !rest.isEmpty {
      let written = Glibc.write(descriptor, base, rest.count)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw Self.failure(path, written < 0 ? errno : ENOSPC) }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  func write(_ bytes: [UInt8]) throws(TrainingError) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    try write(UnsafeRawBufferPointer(copy))
  }

  func write(_ values: UnsafeMutableBufferPointer<Float>) throws(TrainingError) {
    try write(UnsafeRawBufferPointer(values))
  }

  /// Puts the file in its place, with the digest of what was written behind it when asked for.
  ///
  /// It is called once, and nothing is written afterwards.
  func commit(addingDigest: Bool = false) throws(TrainingError) {
    if addingDigest, let digest = digest.take() { try write(digest.finish()) }
    guard fsync(descriptor) == 0 else { throw Self.failure(path, errno) }
    guard rename(partial, path) == 0 else { throw Self.failure(path, errno) }
    Self.syncDirectory(of: path)
  }

  /// So that the new name survives a power cut too. Some file systems cannot, and need not.
  static func syncDirectory(of path: String) {
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let descriptor = open(directory.isEmpty ? "/" : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  static func failure(_ path: String, _ number: Int32) -> TrainingError {
    TrainingError(
      .unwritable,
      "\(path) cannot be written: \(String(cString: strerror(number))); check the directory, its rights and the space left"
    )
  }
}
