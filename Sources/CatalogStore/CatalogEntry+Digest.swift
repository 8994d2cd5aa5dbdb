// SPDX-License-Identifier: Apache-2.0

import Digest
import Items

extension CatalogEntry where Image == ImageDigest {
  /// SHA-256 over all that is kept of the item: equal items have equal ones, in every store.
  ///
  /// Each part stands behind its length, so that no two items give the same bytes.
  var contentDigest: [UInt8] {
    var parts = ItemDigest()
    parts.add(id)
    for text in [texts.title, texts.brand, texts.category, texts.description] { parts.add(text) }
    parts.add(image?.bytes)
    parts.add(cf)
    parts.add(self.text)
    return parts.finish()
  }
}

private struct ItemDigest: ~Copyable {
  private var digest = SHA256()

  init() { digest.update("illmrec item 1\n") }

  mutating func add(_ text: String) {
    addLength(text.utf8.count)
    digest.update(text)
  }

  mutating func add(_ bytes: [UInt8]?) {
    guard let bytes else { return addLength(nil) }
    addLength(bytes.count)
    bytes.withUnsafeBytes { digest.update($0) }
  }

  /// As it lies in the file: little-endian.
  mutating func add(_ vector: [Float]?) {
    guard let vector else { return addLength(nil) }
    addLength(vector.count)
    vector.withUnsafeBytes { digest.update($0) }
  }

  private mutating func addLength(_ length: Int?) {
    let bytes = (length.map { UInt64($0) } ?? .max).littleEndian
    withUnsafeBytes(of: bytes) { digest.update($0) }
  }

  consuming func finish() -> [UInt8] { digest.finish() }
}
