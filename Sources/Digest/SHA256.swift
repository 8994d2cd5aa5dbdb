// SPDX-License-Identifier: Apache-2.0

import CDigest

/// A running SHA-256 digest.
///
/// Feed it with `update`, then take the digest once with `finish`, which consumes it.
package struct SHA256: ~Copyable {
  private let handle: OpaquePointer

  package init() {
    guard let handle = illmrec_sha256_create() else { fatalError("out of memory for a SHA-256 context") }
    self.handle = handle
  }

  deinit { illmrec_sha256_destroy(handle) }

  /// Adds `bytes` to the digested message.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    // libcrypto fails here only on a finished context, which `finish` makes unreachable.
    precondition(illmrec_sha256_update(handle, base, bytes.count) == 0)
  }

  /// Adds the UTF-8 of `text`.
  package mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }

  /// The digest of everything added: 32 bytes.
  package consuming func finish() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      precondition(illmrec_sha256_finish(handle, buffer.baseAddress) == 0)
      count = 32
    }
  }

  /// The digest of everything added, as 64 lower-case hexadecimal digits.
  package consuming func finishHex() -> String { Self.hex(finish()) }

  /// `bytes` as lower-case hexadecimal digits.
  package static func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var out: [UInt8] = []
    for byte in bytes {
      out.append(digits[Int(byte >> 4)])
      out.append(digits[Int(byte & 15)])
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// The digest of one buffer, in hexadecimal.
  package static func hex(of bytes: UnsafeRawBufferPointer) -> String {
    var digest = SHA256()
    digest.update(bytes)
    return digest.finishHex()
  }
}
