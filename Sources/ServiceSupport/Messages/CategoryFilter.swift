// SPDX-License-Identifier: Apache-2.0

/// Names of categories that a search is limited by.
package enum CategoryFilter {
  /// As for items: unknown names are ignored, an empty one is refused.
  ///
  /// - Parameter field: of the list.
  package static func checkNoneEmpty(_ names: [String], field: String) throws(ServiceFailure) {
    guard let place = names.firstIndex(of: "") else { return }
    throw ServiceFailure(
      .categoryInvalid, "an empty name is no category; leave it out", field: "\(field)[\(place)]")
  }
}
