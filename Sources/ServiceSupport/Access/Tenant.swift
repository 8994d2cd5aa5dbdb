// SPDX-License-Identifier: Apache-2.0

package import GRPCCore

/// Whose caches and outcomes are kept apart from others'.
package enum Tenant {
  package static let maxBytes = 128

  /// What an identity that speaks for tenants names the one that it calls for; ignored from any other.
  static let metadataKey = "x-illmrec-tenant-bin"

  /// What a gateway sends with the calls that it makes for `caller`; nothing where it does not know its callers.
  package static func metadata(for caller: Caller?) -> Metadata {
    guard let caller else { return [:] }
    return [metadataKey: .binary(Array(caller.tenant.utf8))]
  }

  /// Nil where none is named, or what is no name.
  static func named(in metadata: Metadata) -> String? {
    let values = Array(metadata[binaryValues: metadataKey].prefix(2))
    guard values.count == 1, values[0].count <= maxBytes else { return nil }
    return String(validating: values[0], as: UTF8.self)
  }

  /// A caller's own name for something, which is no other tenant's; the name itself where the server does not know its callers, and for
  /// an empty one, which names nothing.
  package static func ofCaller(_ name: String, _ caller: Caller? = .current) -> String {
    guard let caller, !name.isEmpty else { return name }
    return bound(name, to: caller.tenant)
  }

  /// A tenant's own name for something, told apart from every other tenant's: how many bytes the tenant's name has stands before it.
  package static func bound(_ name: String, to tenant: String) -> String { "\(tenant.utf8.count):\(tenant):\(name)" }
}
