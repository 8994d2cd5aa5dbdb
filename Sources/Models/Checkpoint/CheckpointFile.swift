// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc

/// A file of a checkpoint, mapped for reading and shared by the tensors that lie in it.
package final class CheckpointFile: Sendable {
  package let path: String
  private let mapping: MappedFile
  /// Bytes of the file.
  package var count: Int { bytes.count }
  private var bytes: UnsafeRawBufferPointer { mapping.bytes }

  /// Of a file that is copied into memory: the largest tokenizers have a tenth of it.
  static let maxCopiedBytes = 256 << 20

  /// - Parameter maxBytes: that such a file has.
  package init(path: String, maxBytes: Int = .max) throws(ModelError) {
    self.path = path
    do throws(SystemCallError) {
      mapping = try MappedFile(path)
    } catch {
      throw Self.failure(path, error)
    }
    guard count <= maxBytes else {
      throw ModelError(.malformed, "\(path) has \(count) bytes, one of its kind has up to \(maxBytes)")
    }
  }

  /// A file in memory alone, such as what an archive's compressed entry holds.
  ///
  /// - Parameter fill: is given `count` bytes, and returns whether it filled them.
  init?(inMemory path: String, count: Int, fill: (UnsafeMutableRawBufferPointer) -> Bool) {
    guard let mapping = MappedFile(inMemory: count, fill: fill) else { return nil }
    self.path = path
    self.mapping = mapping
  }

  /// - Throws: `.malformed`, naming what the file is, for what downloads and other tools leave in a model file's place.
  func refuseForeign() throws(ModelError) {
    guard let name = ForeignContent.name(bytes.prefix(ForeignContent.headBytes)) else { return }
    throw ModelError(.malformed, "\(path) is \(name)")
  }

  /// Whether the file begins with `signature`.
  func starts(with signature: [UInt8]) -> Bool { bytes.starts(with: signature) }

  private static func failure(_ path: String, _ error: SystemCallError) -> ModelError {
    switch error.errno {
    case ENOENT, ENOTDIR: ModelError(.notFound, "\(path) cannot be opened: \(error.reason)")
    case EINVAL: ModelError(.unreadable, "\(path) is not a regular file")
    default: ModelError(.unreadable, "\(path) cannot be read: \(error.reason)")
    }
  }
}

extension CheckpointFile {
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
    if holds(offset, count) { mapping.discard(offset..<offset + count) }
  }

  /// The address of byte `offset`, for those who keep this file alive as long as they use it.
  func address(of offset: Int) -> UnsafeRawPointer? { bytes.baseAddress.map { $0 + offset } }
}
