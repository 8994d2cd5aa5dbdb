// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRPCCore
package import ServiceSupport
package import TestSupport

/// A policy file of a test, with the tokens that it knows.
package struct PolicyFixture {
  package let directory: TemporaryDirectory
  /// A reader of the tenant "eu".
  package let shop = BearerToken.random()
  package let indexer = BearerToken.random()
  package let operators = BearerToken.random()

  package init() throws { directory = try TemporaryDirectory() }

  package var path: String { directory.file("policy.json") }

  /// Three identities, one for each of their roles, and what else the policy is to say.
  package func identities(_ more: String = "") -> String {
    """
    "identities": [
      {"name": "shop", "tenant": "eu", "roles": ["read"], "tokens": ["\(shop.digest.text)"]},
      {"name": "indexer", "roles": ["encode", "publish"], "tokens": ["\(indexer.digest.text)"],
       "certificates": ["URI:spiffe://shop/indexer"]},
      {"name": "operators", "roles": ["admin"], "tokens": ["\(operators.digest.text)"],
       "certificates": ["DNS:Ops.internal", "subject:CN=ops,O=illmrec"]}\(more)
    ]
    """
  }

  package func control(_ json: String, logger record: LogRecord = LogRecord()) throws -> AccessControl {
    try directory.write(json, to: "policy.json")
    return try AccessControl(policy: path, logger: record.logger)
  }

  /// A policy of one identity for each tenant, all with the same role; and their tokens.
  package func control(tenants: [String], role: String, more: String = "") throws -> (AccessControl, [BearerToken]) {
    let tokens = tenants.map { _ in BearerToken.random() }
    let identities = zip(tenants.enumerated(), tokens).map { tenant, token in
      """
      {"name": "caller \(tenant.offset)", "tenant": "\(tenant.element)", "roles": ["\(role)"], "tokens": ["\(token.digest.text)"]\(more)}
      """
    }
    return (try control("{\"identities\": [\(identities.joined(separator: ", "))]}"), tokens)
  }

  /// Replaces a file as a person's tools do: another one in its place.
  package func replace(_ name: String, by text: String) throws {
    try directory.write(text, to: "\(name).new")
    _ = rename(directory.file("\(name).new"), directory.file(name))
  }
}

extension Metadata {
  package static func bearer(_ token: String) -> Metadata { ["authorization": "Bearer \(token)"] }
}
