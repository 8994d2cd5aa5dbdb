// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import Glibc

/// Memory for one message: either its own, or a reference to bytes that gRPC core received.
///
/// Sendable although it holds raw pointers: the memory is written only while `MessageBytes` knows that it holds the one
/// reference to it, and a message handed to core is held by core until it is sent.
final class MessageStorage: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let count: Int
  private var received: illmrec_bytes?

  /// Whether the memory may be written by its one holder.
  var isWritable: Bool { received == nil }

  init(repeating byte: UInt8, count: Int) {
    self.base = Self.allocate(count: count, zeroed: byte == 0)
    self.count = count
    if byte != 0 { memset(base, Int32(byte), count) }
  }

  init(copyOf bytes: UnsafeRawBufferPointer) {
    self.base = Self.allocate(count: bytes.count, zeroed: false)
    self.count = bytes.count
    if let source = bytes.baseAddress { memcpy(base, source, bytes.count) }
  }

  /// Refers to `bytes` without copying them, but for those so few that core keeps them within the handle.
  init(takingOwnershipOf bytes: illmrec_bytes) {
    var bytes = bytes
    self.count = illmrec_bytes_count(&bytes)
    let (inside, pointer) = withUnsafeBytes(of: &bytes) { handle in
      let pointer = illmrec_bytes_pointer(handle.baseAddress?.assumingMemoryBound(to: illmrec_bytes.self))
      let isInside = pointer.map { $0 >= handle.baseAddress! && $0 < handle.baseAddress! + handle.count } ?? true
      return (isInside, pointer)
    }
    guard inside || count == 0 else {
      self.base = UnsafeMutableRawPointer(mutating: pointer!)
      self.received = bytes
      return
    }
    self.base = Self.allocate(count: count, zeroed: false)
    if count > 0 { memcpy(base, illmrec_bytes_pointer(&bytes), count) }
    illmrec_bytes_release(&bytes)
  }

  deinit {
    guard var bytes = received else { return free(base) }
    illmrec_bytes_release(&bytes)
  }

  private static func allocate(count: Int, zeroed: Bool) -> UnsafeMutableRawPointer {
    // An empty message still needs an address of its own.
    guard let memory = zeroed ? calloc(max(count, 1), 1) : malloc(max(count, 1)) else {
      fatalError("out of memory for a message of \(count) bytes")
    }
    return memory
  }
}
