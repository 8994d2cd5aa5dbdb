// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCTransport
import JSONWebTokens

/// Who is known to a service and what they may do, as its policy file says.
struct AccessPolicy: Sendable {
  struct Identity: Sendable {
    let caller: Caller
    /// Whether it speaks for others: the tenant that it names counts in place of its own.
    let isGateway: Bool
  }

  /// Tokens of an issuer that the policy trusts.
  struct Issuer: Sendable {
    let rules: TokenRules
    let keys: FollowedFile<KeySet>
    let identityClaim: String
    let rolesClaim: String
    /// Nil where all of them are of the tenant without a name.
    let tenantClaim: String?
    let quota: CallQuota
  }

  /// Each is compared at each call.
  static let maxTokens = 1000

  var tokens: [(digest: TokenDigest, identity: Identity)] = []
  var certificates: [CertificateName: Identity] = [:]
  var issuer: Issuer?
  var anonymous = Caller(name: Caller.anonymousName, role: nil)

  /// In a time that does not tell which of them it is, or nearly is.
  func identity(of token: BearerToken) -> Identity? {
    let digest = token.digest
    var found: Identity?
    for known in tokens where known.digest.isSame(as: digest) { found = known.identity }
    return found
  }

  /// - Throws: where its names are those of several.
  func identity(of certificate: PeerCertificate) throws(WebToken.Refusal) -> Identity? {
    let found = CertificateName.all(of: certificate).compactMap { certificates[$0] }
    guard let first = found.first else { return nil }
    guard found.allSatisfy({ $0.caller.name == first.caller.name }) else {
      throw WebToken.Refusal("the certificate's names are those of several identities")
    }
    return first
  }
}

/// A name that a certificate gives its holder, with its kind: authorities check names of each kind in another way.
struct CertificateName: Hashable, Sendable, CustomStringConvertible {
  enum Kind: String, CaseIterable {
    case uri = "URI"
    case dns = "DNS"
    case email
    case subject
  }

  let kind: Kind
  let name: Identifier

  init(_ kind: Kind, _ name: String) {
    self.kind = kind
    // Domain names know no capitals.
    self.name = Identifier(kind == .dns ? name.lowercased() : name)
  }

  /// As OpenSSL writes them: `URI:spiffe://shop/gateway`, `DNS:gateway.internal`, `subject:CN=gateway,O=shop`.
  init?(parsing text: String) {
    guard let colon = text.firstIndex(of: ":"), let kind = Kind(rawValue: String(text[..<colon])) else { return nil }
    let name = text[text.index(after: colon)...]
    guard !name.isEmpty else { return nil }
    self.init(kind, String(name))
  }

  var description: String { "\(kind.rawValue):\(name)" }

  static func all(of certificate: PeerCertificate) -> [CertificateName] {
    certificate.uris.map { CertificateName(.uri, $0) } + certificate.dnsNames.map { CertificateName(.dns, $0) }
      + certificate.emails.map { CertificateName(.email, $0) }
      + (certificate.subject.isEmpty ? [] : [CertificateName(.subject, certificate.subject)])
  }
}
