// SPDX-License-Identifier: Apache-2.0

import Items

/// "<index>/versions/<number>".
package struct VersionName: Hashable, Sendable, CustomStringConvertible {
  /// More than any name has.
  package static let maxBytes = IndexNaming.maxBytes

  package let index: String
  package let number: UInt64

  package init(index: String, number: UInt64) {
    self.index = index
    self.number = number
  }

  package init(parsing text: String) throws(VectorIndexError) {
    guard let parts = IndexNaming.parts(ofVersion: text) else {
      throw VectorIndexError(
        .invalidVersionName, "version name \(IndexNaming.shown(text)) is not \(IndexNaming.versionRule)")
    }
    try Self.checkIndex(parts.index)
    self.init(index: parts.index, number: parts.number)
  }

  package var description: String { "\(index)/versions/\(number)" }

  package static func number(parsing text: some StringProtocol) -> UInt64? { IndexNaming.number(parsing: text) }

  /// Refuses what cannot name an index.
  package static func checkIndex(_ name: String) throws(VectorIndexError) {
    guard IndexNaming.isIndexName(name) else {
      throw VectorIndexError(
        .invalidIndexName, "index name \(IndexNaming.shown(name)) is not allowed: \(IndexNaming.indexRule)")
    }
  }
}
