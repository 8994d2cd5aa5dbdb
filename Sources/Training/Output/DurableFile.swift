// SPDX-License-Identifier: Apache-2.0

import Basics
import Digest

/// An ``AtomicFile`` with the digest of what was written to it, whose errors are a training run's. Used by one thread.
final class DurableFile {
  private let path: String
  /// Nil after the commit.
  private var file: AtomicFile?
  /// Over everything written so far; nil once it was taken.
  private var digest: SHA256? = SHA256()

  init(_ path: String) throws(TrainingError) {
    self.path = path
    file = try TrainingError.writing(path) { () throws(SystemCallError) in try AtomicFile(path) }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(TrainingError) {
    digest?.update(bytes)
    try TrainingError.writing(path) { () throws(SystemCallError) in try file?.write(bytes) }
  }

  func write(_ bytes: [UInt8]) throws(TrainingError) {
    try bytes.withUnsafeBufferPointer { bytes throws(TrainingError) in try write(UnsafeRawBufferPointer(bytes)) }
  }

  func write(_ values: UnsafeMutableBufferPointer<Float>) throws(TrainingError) {
    try write(UnsafeRawBufferPointer(values))
  }

  /// Puts the file in its place, with the digest of what was written behind it when asked for.
  ///
  /// It is called once, and nothing is written afterwards.
  func commit(addingDigest: Bool = false) throws(TrainingError) {
    if addingDigest, let digest = digest.take() { try write(digest.finish()) }
    try TrainingError.writing(path) { () throws(SystemCallError) in try file.take()?.commit() }
  }
}

extension TrainingError {
  /// Runs `body`, which writes the file at `path`, and says what its failure means to the user.
  static func writing<Value: ~Copyable>(
    _ path: String, _ body: () throws(SystemCallError) -> Value
  ) throws(TrainingError) -> Value {
    do {
      return try body()
    } catch {
      throw unwritable(path, error)
    }
  }

  static func unwritable(_ path: String, _ cause: SystemCallError) -> TrainingError {
    let problem = cause.isHeldLock ? "another process writes it" : cause.reason
    return TrainingError(
      .unwritable, "\(path) cannot be written: \(problem); check the directory, its rights and the space left")
  }
}
