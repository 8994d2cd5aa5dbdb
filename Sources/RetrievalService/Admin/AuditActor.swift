// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// Whose deed the audit log says a change is.
struct AuditActor {
  /// The caller's identity; where the server does not know its callers, what they say of themselves.
  let name: String
  /// What somebody whose identity is known says of themselves.
  let claim: String?

  init(claim: String, caller: Caller? = .current) {
    name = caller?.name ?? claim
    self.claim = caller == nil ? nil : claim
  }
}
