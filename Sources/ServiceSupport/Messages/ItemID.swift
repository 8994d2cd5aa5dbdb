// SPDX-License-Identifier: Apache-2.0

/// What may name an item.
package enum ItemID {
  package static let maxBytes = 512

  /// Names are 1 to 512 bytes, without the NUL that would end them in C.
  package static func check(_ id: String, field: String) throws(ServiceFailure) {
    guard !id.isEmpty else {
      throw ServiceFailure(.itemIDMissing, "not set; give the item the name your catalog knows it by", field: field)
    }
    guard id.utf8.count <= maxBytes else {
      throw ServiceFailure(
        .itemIDTooLong, "\(id.utf8.count) bytes, at most \(maxBytes) may name an item; shorten it", field: field)
    }
    guard !id.utf8.contains(0) else {
      throw ServiceFailure(.textHasNul, "holds a NUL character; remove it", field: field)
    }
  }

  /// Refuses the first empty id of a list in which unknown ones are ignored: it is a mistake, and never an item.
  ///
  /// - Parameter field: of the list.
  package static func checkNoneEmpty(_ ids: [String], field: String) throws(ServiceFailure) {
    guard let place = ids.firstIndex(of: "") else { return }
    throw ServiceFailure(
      .itemIDMissing, "an empty id names no item; leave it out", field: "\(field)[\(place)]")
  }
}
