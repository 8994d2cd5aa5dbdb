// SPDX-License-Identifier: Apache-2.0

/// An item's id where it is compared: by its bytes, as the item store, the index and every other language do. Swift's equality
/// of strings takes texts for the same that differ in their bytes, such as an "é" of one character and one of two.
package struct ItemKey: Hashable, Comparable, Sendable {
  package let id: String

  package init(_ id: String) { self.id = id }

  package static func == (a: ItemKey, b: ItemKey) -> Bool { a.id.utf8.elementsEqual(b.id.utf8) }

  package static func < (a: ItemKey, b: ItemKey) -> Bool { a.id.utf8.lexicographicallyPrecedes(b.id.utf8) }

  package func hash(into hasher: inout Hasher) {
    var id = id
    id.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
