// SPDX-License-Identifier: Apache-2.0

/// Whose prompts may share what was computed of their beginnings.
package struct CacheScope: Sendable {
  package static let maxBytes = 256

  package let name: String

  /// - Parameter field: path in the request.
  package init(_ name: String, field: String) throws(ServiceFailure) {
    guard name.utf8.count <= Self.maxBytes else {
      throw ServiceFailure(
        .cacheScopeTooLong,
        "\(name.utf8.count) bytes, at most \(Self.maxBytes) are allowed; send a digest of the name", field: field)
    }
    self.name = name
  }
}
