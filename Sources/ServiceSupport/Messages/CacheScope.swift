// SPDX-License-Identifier: Apache-2.0

import Digest

/// Whose prompts may share what was computed of their beginnings.
package struct CacheScope: Sendable {
  package static let maxBytes = 256

  /// As the caller calls it, and bound to the caller's tenant where the server knows its callers.
  package let name: String

  /// - Parameters:
  ///   - name: of a request.
  ///   - field: path in the request.
  ///   - caller: by default whose call is being handled.
  package init(_ name: String, field: String, caller: Caller? = .current) throws(ServiceFailure) {
    guard name.utf8.count <= Self.maxBytes else {
      throw ServiceFailure(
        .cacheScopeTooLong,
        "\(name.utf8.count) bytes, at most \(Self.maxBytes) are allowed; send a digest of the name", field: field)
    }
    self.name = caller.map { Tenant.bound(name, to: $0.tenant) } ?? name
  }

  /// For another service's field: the name, or where that is too long for it, its digest, which no bound name is like.
  package var sent: String {
    guard name.utf8.count > Self.maxBytes else { return name }
    var digest = SHA256()
    digest.update(name)
    return "sha256:\(digest.finishHex())"
  }
}
