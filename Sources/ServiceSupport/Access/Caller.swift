// SPDX-License-Identifier: Apache-2.0

/// Who makes a call, as a server with a policy found it out.
package struct Caller: Sendable, Equatable {
  package static let anonymousName = "anonymous"
  /// In metrics, of all who show credentials that are nobody's. No identity of a policy is called so.
  static let invalidLabel = "invalid"
  static let maxNameBytes = 256

  /// For logs and audit entries: of the policy, or as the issuer of a JSON Web Token calls it.
  package let name: String
  /// What is kept apart for it. Empty for the tenant of all who have none.
  package let tenant: String
  /// The highest that it has; nil for none.
  package let role: Role?
  /// For metrics: the name where the policy lists it. There are as many as the policy says, and no more.
  package let label: String
  let quota: CallQuota

  package init(name: String, tenant: String = "", role: Role?, label: String? = nil, quota: CallQuota = CallQuota()) {
    self.name = name
    self.tenant = tenant
    self.role = role
    self.label = label ?? name
    self.quota = quota
  }

  /// Of the RPC that is being handled by the current task; nil where the server has no policy.
  package static var current: Caller? { RequestIdentity.current?.caller }

  /// - Throws: PERMISSION_DENIED (ROLE_MISSING) unless the current caller has the role, or the server has no policy.
  package static func require(_ role: Role, to what: String, field: String? = nil) throws(ServiceFailure) {
    try current?.require(role, to: what, field: field)
  }

  func require(_ role: Role, to what: String, field: String? = nil) throws(ServiceFailure) {
    if let own = self.role, own >= role { return }
    guard name != Self.anonymousName else { throw Self.unknown }
    throw ServiceFailure(
      .roleMissing, "\(what) needs the role \(role.rawValue), and \"\(name)\" has \(self.role?.rawValue ?? "none")",
      field: field)
  }

  /// What is wrong with what a caller showed is not said: it would help who tries others.
  static var unknown: ServiceFailure {
    ServiceFailure(
      .unauthenticated,
      "the caller is not known here; send the metadata \"authorization: Bearer TOKEN\" with a token that is valid, or connect with "
        + "a certificate that the policy names")
  }
}
