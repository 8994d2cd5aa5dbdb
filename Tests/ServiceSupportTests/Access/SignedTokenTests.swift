// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Logging
import ServiceTestSupport
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("An issuer's tokens give an identity", .timeLimit(.minutes(60))) struct SignedTokenTests {
  private static let jwt = """
    "jwt": {"jwks": "keys.json", "issuer": "https://id.example", "audience": "illmrec", "tenant_claim": "org"}
    """

  private let fixture: PolicyFixture
  private let issuer: TokenIssuer

  init() throws {
    fixture = try PolicyFixture()
    issuer = try TokenIssuer(.es256, in: fixture.directory)
    try fixture.directory.write(issuer.keySet, to: "keys.json")
  }

  private func claims(_ more: String = "\"roles\":[\"other\",\"encode\",\"read\"],\"org\":\"eu\"") -> String {
    "{\"iss\":\"https://id.example\",\"aud\":[\"illmrec\"],\"sub\":\"ann\",\"exp\":1000,\(more)}"
  }

  private func caller(_ token: String, _ control: AccessControl, now: Double = 900) throws -> Caller {
    try control.caller(.bearer(token), nil, now: now)
  }

  @Test func `Name, tenant and role are those of the claims`() throws {
    let control = try fixture.control("{\(fixture.identities()), \(Self.jwt)}")
    let ann = try caller(issuer.token(claims()), control)
    #expect(ann == Caller(name: "jwt:ann", tenant: "eu", role: .encode, label: "jwt"))
    let scopes = try issuer.token(claims("\"roles\":\"openid read\",\"org\":\"eu\""))
    #expect(try caller(scopes, control).role == .read)
    #expect(try caller(issuer.token(claims("\"org\":\"eu\"")), control).role == nil)
    // Static tokens of the policy count beside them.
    #expect(try caller(fixture.shop.text, control).name == "shop")
  }

  @Test func `What the issuer did not sign for this service and this time is refused`() throws {
    let control = try fixture.control("{\(Self.jwt)}")
    let refused = [
      try issuer.token(claims().replacing("illmrec", with: "others")),
      try issuer.token(claims().replacing("id.example", with: "id.example.org")),
      try issuer.token(claims().replacing("\"exp\":1000,", with: "")),
      try issuer.token(claims().replacing("1000", with: "869")),
      try issuer.token(claims("\"nbf\":931,\"org\":\"eu\"")),
      try issuer.token(claims("\"roles\":[\"admin\"]")), try issuer.token(claims("\"org\":\"\"")),
      try issuer.token(claims("\"org\":7")), try issuer.token(claims().replacing("\"sub\":\"ann\",", with: "")),
      try issuer.token(claims(), header: "{\"alg\":\"none\",\"kid\":\"k1\"}"),
      try TokenIssuer(.es256, keyID: "k2", in: fixture.directory).token(claims()),
    ]
    for token in refused {
      let failure = #expect(throws: ServiceFailure.self) { try caller(token, control) }
      #expect(failure == Caller.unknown)
    }
    #expect(try caller(issuer.token(claims()), control).name == "jwt:ann")
  }

  @Test func `A changed key set counts without a restart, and one that cannot be used changes nothing`() async throws {
    let record = LogRecord()
    let control = try fixture.control("{\(Self.jwt)}", logger: record)
    let next = try TokenIssuer(.edDSA, keyID: "k2", in: fixture.directory)
    let (old, new) = (try issuer.token(claims()), try next.token(claims()))
    #expect(throws: ServiceFailure.self) { try caller(new, control) }
    try fixture.replace("keys.json", by: "{\"keys\": [\(issuer.jwk), \(next.jwk)]}")
    try await waitUntil { (try? caller(new, control)) != nil }
    #expect(try caller(old, control).name == "jwt:ann")
    try fixture.replace("keys.json", by: "{\"keys\": []}")
    try await waitUntil {
      _ = try? caller(new, control); return record.lines.last?.level == .warning
    }
    #expect(try caller(new, control).name == "jwt:ann")
    try fixture.replace("keys.json", by: next.keySet)
    try await waitUntil { (try? caller(old, control)) == nil }
    #expect(try caller(new, control).name == "jwt:ann")
  }
}
