// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// Whose deed the audit log says a change is.
struct AuditActor {
  /// The caller's identity; where the server does not know its callers, what they say of themselves, and where they called from.
  let name: String
  /// What somebody whose identity is known says of themselves, and where they called from.
  let claim: String?

  init(claim: String, peer: String, caller: Caller? = .current) {
    let said = claim.isEmpty ? peer : "\(claim) (\(peer))"
    name = caller?.name ?? said
    self.claim = caller == nil ? nil : said
  }
}
