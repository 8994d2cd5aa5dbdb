// SPDX-License-Identifier: Apache-2.0

import Basics
import JSONWebTokens

extension AccessPolicy {
  private static let reservedNames: Set<Identifier> = [
    Identifier(Caller.anonymousName), Identifier(AccessControl.tokenLabel), Identifier(Caller.invalidLabel),
  ]

  private static func isFree(_ name: String) -> Bool {
    name.utf8.count <= Caller.maxNameBytes && !reservedNames.contains(Identifier(name))
      && !name.hasPrefix(AccessControl.tokenLabel + ":")
  }

  /// - Parameter report: told when the key set that the policy names has changed.
  init(_ file: FileContents, report: @escaping FollowedFile<KeySet>.Report) throws(SettingsError) {
    let json: JSONValue
    do throws(JSONValue.Problem) {
      json = try JSONValue(parsing: file.bytes)
    } catch {
      throw SettingsError("\(file.path) \(error.message)", isUsage: true)
    }
    var fields = try JSONFields(json, at: file.path)
    var names = Set<Identifier>()
    for (place, value) in try Self.list("identities", of: &fields).enumerated() {
      try add(JSONFields(value, at: "\(file.path): identities[\(place)]"), &names)
    }
    guard tokens.count <= Self.maxTokens else {
      throw SettingsError(
        "\(file.path) has \(tokens.count) tokens; at most \(Self.maxTokens) are taken: use JSON Web Tokens or certificates for more",
        isUsage: true)
    }
    if let fields = try fields.object("jwt") { issuer = try Issuer(fields, beside: file.path, report: report) }
    if var fields = try fields.object("anonymous") {
      anonymous = Caller(
        name: Caller.anonymousName, role: try Self.role(&fields), quota: try CallQuota(fields.object("quota")))
      try fields.end()
    }
    try fields.end()
  }

  private static func list(_ name: String, of fields: inout JSONFields) throws(SettingsError) -> [JSONValue] {
    guard let value = fields.take(name) else { return [] }
    guard let list = value.array else { throw fields.problem(name, "a list") }
    return list
  }

  private mutating func add(_ fields: JSONFields, _ names: inout Set<Identifier>) throws(SettingsError) {
    var fields = fields
    let name = try fields.requiredText("name")
    guard Self.isFree(name) else {
      throw fields.problem(
        "name", "a name of at most \(Caller.maxNameBytes) bytes other than anonymous, invalid, jwt and jwt:…")
    }
    guard names.insert(Identifier(name)).inserted else {
      throw SettingsError(
        "\(fields.place).name is \"\(name)\", as another's; give each a name of its own", isUsage: true)
    }
    let tenant = try fields.text("tenant", maxBytes: Tenant.maxBytes) ?? ""
    let caller = Caller(
      name: name, tenant: tenant, role: try Self.role(&fields), quota: try CallQuota(fields.object("quota")))
    let isGateway = fields.take("speaks_for_tenants") ?? .bool(false)
    guard isGateway == .bool(true) || isGateway == .bool(false) else {
      throw fields.problem("speaks_for_tenants", "true or false")
    }
    let identity = Identity(caller: caller, isGateway: isGateway == .bool(true))
    try addTokens(of: identity, &fields)
    try addCertificates(of: identity, &fields)
    try fields.end()
  }

  private mutating func addTokens(of identity: Identity, _ fields: inout JSONFields) throws(SettingsError) {
    for (place, text) in try fields.texts("tokens").enumerated() {
      guard let digest = TokenDigest(parsing: text) else {
        throw fields.problem(
          "tokens[\(place)]",
          "\"sha256:\" with 64 lower-case hexadecimal digits, as illmrec token new prints it; a token itself must not stand here"
        )
      }
      guard !tokens.contains(where: { $0.digest == digest }) else {
        throw fields.problem("tokens[\(place)]", "a token of this identity alone: another entry has it too")
      }
      tokens.append((digest, identity))
    }
  }

  private mutating func addCertificates(of identity: Identity, _ fields: inout JSONFields) throws(SettingsError) {
    for (place, text) in try fields.texts("certificates").enumerated() {
      guard let name = CertificateName(parsing: text) else {
        throw fields.problem(
          "certificates[\(place)]", "a certificate's name with its kind before a colon: URI, DNS, email or subject")
      }
      guard certificates.updateValue(identity, forKey: name) == nil else {
        throw fields.problem("certificates[\(place)]", "a name of this identity alone: another entry has it too")
      }
    }
  }

  /// The highest of those that are named.
  fileprivate static func role(_ fields: inout JSONFields) throws(SettingsError) -> Role? {
    var roles: [Role] = []
    for (place, name) in try fields.texts("roles").enumerated() {
      guard let role = Role(rawValue: name) else {
        throw fields.problem("roles[\(place)]", "one of \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      roles.append(role)
    }
    return roles.max()
  }
}

extension AccessPolicy.Issuer {
  fileprivate init(
    _ fields: JSONFields, beside policy: String, report: @escaping FollowedFile<KeySet>.Report
  ) throws(SettingsError) {
    var fields = fields
    let path = try fields.requiredText("jwks")
    rules = TokenRules(issuer: try fields.requiredText("issuer"), audience: try fields.requiredText("audience"))
    identityClaim = try fields.text("identity_claim") ?? "sub"
    rolesClaim = try fields.text("roles_claim") ?? "roles"
    tenantClaim = try fields.text("tenant_claim")
    quota = try CallQuota(fields.object("quota"))
    try fields.end()
    keys = try FollowedFile(Self.resolved(path, beside: policy), report: report) { file throws(SettingsError) in
      do throws(KeySet.Problem) {
        return try KeySet(parsing: file.bytes)
      } catch {
        throw SettingsError("\(file.path) \(error.message)", isUsage: true)
      }
    }
  }

  /// A relative path begins where the policy lies.
  private static func resolved(_ path: String, beside policy: String) -> String {
    guard !path.hasPrefix("/"), let slash = policy.lastIndex(of: "/") else { return path }
    return policy[...slash] + path
  }
}

extension CallQuota {
  fileprivate init(_ fields: JSONFields?) throws(SettingsError) {
    self.init()
    guard var fields else { return }
    requestsPerSecond = try fields.number("requests_per_second", in: 0.001...1_000_000)
    burst = try fields.number("burst", in: 1...1_000_000)
    concurrent = try fields.number("concurrent", in: 1...1_000_000).map { Int($0) }
    guard burst == nil || requestsPerSecond != nil else {
      throw SettingsError("\(fields.place).burst needs requests_per_second beside it", isUsage: true)
    }
    try fields.end()
  }
}
