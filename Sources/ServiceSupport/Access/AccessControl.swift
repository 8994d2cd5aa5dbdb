// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
package import GRPCCore
package import GRPCTransport
import JSONWebTokens
package import Logging

/// Finds out who calls, by the policy file of a service, and whether they may.
///
/// Nothing is remembered of a token: each call's is checked, so that what the files take away is gone with the next call.
package final class AccessControl: Sendable {
  /// In metrics, of all whose token an issuer has signed.
  static let tokenLabel = "jwt"

  private let policy: FollowedFile<AccessPolicy>
  private let quotas = QuotaLedger()
  private let logger: Logger

  /// - Throws: for a policy, or a key set that it names, that cannot be used.
  package init(policy path: String, logger: Logger) throws(SettingsError) {
    self.logger = logger
    let keysReport = Self.report("key set", logger)
    policy = try FollowedFile(path, report: Self.report("policy", logger)) { file throws(SettingsError) in
      try AccessPolicy(file, report: keysReport)
    }
  }

  private static func report(_ what: String, _ logger: Logger) -> @Sendable (SettingsError?) -> Void {
    { problem in
      if let problem {
        logger.warning(
          "the changed \(what) is not used; the one before goes on", metadata: ["problem": "\(problem.message)"])
      } else {
        logger.notice("the changed \(what) is used from now on")
      }
    }
  }

  /// - Throws: for a method that no role is set for: nobody could call it, or everybody.
  func requireRoles(of methods: some Sequence<MethodDescriptor>) throws(SettingsError) {
    guard let unknown = methods.first(where: { MethodAccess.of($0) == nil }) else { return }
    throw SettingsError(
      "\(unknown.fullyQualifiedMethod) has no role in the table of methods; it cannot be served with a --policy")
  }

  /// Whether it knows callers by their certificates.
  var namesCertificates: Bool { !policy.current.certificates.isEmpty }

  /// Who calls.
  ///
  /// - Parameter now: seconds since 1970.
  /// - Throws: UNAUTHENTICATED for what is shown and is not valid. Who shows nothing is anonymous.
  package func caller(
    _ metadata: Metadata, _ certificate: PeerCertificate?, now: Double = Date.now.timeIntervalSince1970
  ) throws(ServiceFailure) -> Caller {
    do throws(WebToken.Refusal) {
      return try identify(metadata, certificate, policy.current, now)
    } catch {
      RequestIdentity.current?.note(refusal: error.reason)
      throw Caller.unknown
    }
  }

  /// Takes a place in the caller's quota for one call of a method.
  func admit(_ caller: Caller, to method: MethodDescriptor) throws(ServiceFailure) -> QuotaLedger.Place? {
    switch MethodAccess.of(method) {
    case .everybody: return nil
    case .role(let role): try caller.require(role, to: method.method)
    case nil: throw ServiceFailure(.roleMissing, "\(method.method) may be called by nobody: no role is set for it")
    }
    return try quotas.admit(caller)
  }

  private func identify(
    _ metadata: Metadata, _ certificate: PeerCertificate?, _ policy: AccessPolicy, _ now: Double
  ) throws(WebToken.Refusal) -> Caller {
    let identity: AccessPolicy.Identity?
    switch BearerToken.sent(in: metadata) {
    case .unusable(let reason): throw WebToken.Refusal(reason)
    case .token(let token):
      if let known = policy.identity(of: token) {
        identity = known
      } else {
        return try policy.caller(ofSigned: token, now: now)
      }
    case .none:
      identity = try certificate.flatMap { certificate throws(WebToken.Refusal) in
        try policy.identity(of: certificate)
      }
    }
    guard let identity else { return policy.anonymous }
    return identity.isGateway ? identity.caller.speaking(for: Tenant.named(in: metadata)) : identity.caller
  }
}

extension AccessPolicy {
  /// - Throws: for what the issuer has not signed, or not for this service and this time.
  fileprivate func caller(ofSigned token: BearerToken, now: Double) throws(WebToken.Refusal) -> Caller {
    guard let issuer, WebToken.isOfForm(token.text) else {
      throw WebToken.Refusal("the token is none of the policy's")
    }
    let claims = try WebToken(token.text, signedByOneOf: issuer.keys.current).claims
    try issuer.rules.check(claims, now: now)
    return try issuer.caller(of: claims)
  }
}

extension AccessPolicy.Issuer {
  fileprivate func caller(of claims: [String: JSONValue]) throws(WebToken.Refusal) -> Caller {
    guard let name = claims[identityClaim]?.string, (1...Caller.maxNameBytes).contains(name.utf8.count) else {
      throw WebToken.Refusal("the token has no claim \(identityClaim) that names somebody")
    }
    var tenant = ""
    if let tenantClaim {
      guard let text = claims[tenantClaim]?.string, (1...Tenant.maxBytes).contains(text.utf8.count) else {
        throw WebToken.Refusal("the token has no claim \(tenantClaim) that names a tenant")
      }
      tenant = text
    }
    return Caller(
      name: "\(AccessControl.tokenLabel):\(name)", tenant: tenant, role: role(of: claims),
      label: AccessControl.tokenLabel, quota: quota)
  }

  /// The highest that it names, in a list or in one text as scopes stand in it; names of other services' roles are none here.
  private func role(of claims: [String: JSONValue]) -> Role? {
    let names =
      switch claims[rolesClaim] {
      case .array(let list): list.compactMap(\.string)
      case .string(let text): text.split(separator: " ").map(String.init)
      default: [String]()
      }
    return names.compactMap(Role.init).max()
  }
}

extension Caller {
  fileprivate func speaking(for tenant: String?) -> Caller {
    Caller(name: name, tenant: tenant ?? self.tenant, role: role, label: label, quota: quota)
  }
}

extension ServiceSettings {
  /// Nil where whoever can connect may do everything.
  package func accessControl(_ logger: Logger) throws(SettingsError) -> AccessControl? {
    guard let policy else { return nil }
    let control = try AccessControl(policy: policy, logger: logger)
    if control.namesCertificates, tls.clientAuthorities == nil {
      logger.warning("the policy names certificates, and clients are asked for none: give --tls-client-ca")
    }
    return control
  }
}
