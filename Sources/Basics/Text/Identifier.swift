// SPDX-License-Identifier: Apache-2.0

/// A text that names something: an item, a user, a request, a category. Two are the same when their UTF-8 bytes are, and come in
/// the order of their bytes.
///
/// Swift's String is compared by canonical equivalence: "é" in one character and "é" as a letter with an accent are equal there,
/// and two names to callers in other languages, to SQLite and in files. So what names something is a key, is sorted and is
/// compared as an `Identifier`, never as a String.
package struct Identifier: Sendable {
  package let text: String

  package init(_ text: String) { self.text = text }

  package var isEmpty: Bool { text.isEmpty }

  /// Calls `body` with the bytes, which are valid until it returns.
  private func withBytes<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Value {
    if let value = text.utf8.withContiguousStorageIfAvailable(body) { return value }
    return Array(text.utf8).withUnsafeBufferPointer(body)
  }
}

extension Identifier: Hashable {
  package static func == (left: Identifier, right: Identifier) -> Bool {
    left.withBytes { left in right.withBytes { right in left.elementsEqual(right) } }
  }

  package func hash(into hasher: inout Hasher) {
    withBytes { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    // In UTF-8 no byte is 255: it ends the name, so that names in a row are told apart from others.
    hasher.combine(UInt8.max)
  }
}

extension Identifier: Comparable {
  package static func < (left: Identifier, right: Identifier) -> Bool {
    left.withBytes { left in right.withBytes { right in left.lexicographicallyPrecedes(right) } }
  }
}

extension Identifier: ExpressibleByStringLiteral {
  package init(stringLiteral text: String) { self.init(text) }
}

extension Identifier: CustomStringConvertible {
  package var description: String { text }
}
