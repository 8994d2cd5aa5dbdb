// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Glibc
import Logging
import ServiceTestSupport
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("A policy is read strictly", .timeLimit(.minutes(60))) struct AccessPolicyTests {
  private static let digest = BearerToken.random().digest.text

  private static let faults: [(json: String, part: String)] = [
    (
      #"{"identities": [{"name": "a", "role": ["read"]}]}"#,
      #"identities[0] has "role", which is not known; did you mean "roles"?"#
    ),
    (#"{"identitys": []}"#, #"did you mean "identities"?"#),
    (#"{"identities": [{"name": "a"}, {"name": "a"}]}"#, #"identities[1].name is "a", as another's"#),
    (#"{"identities": [{"name": "a", "roles": ["read"], "roles": ["admin"]}]}"#, #"has "roles" twice in one object"#),
    (
      #"{"identities": [{"name": "a", "roles": ["root"]}]}"#,
      "identities[0].roles[0] is not one of read, encode, publish, admin"
    ),
    (#"{"identities": [{"name": "a", "roles": "admin"}]}"#, "identities[0].roles is not a list of texts"),
    (#"{"identities": [{"roles": ["admin"]}]}"#, #"identities[0] has no "name""#),
    (#"{"identities": [{"name": ""}]}"#, "identities[0].name is not a text"),
    (#"{"identities": [{"name": "anonymous"}]}"#, "other than anonymous"),
    (#"{"identities": [{"name": "jwt:ann"}]}"#, "other than anonymous"),
    (#"{"identities": [{"name": "a", "tokens": ["secret"]}]}"#, "a token itself must not stand here"),
    (#"{"identities": [{"name": "a", "tokens": ["sha256:ab"]}]}"#, "tokens[0] is not"),
    (
      #"{"identities": [{"name": "a", "tokens": ["\#(digest)"]}, {"name": "b", "tokens": ["\#(digest)"]}]}"#,
      "identities[1].tokens[0] is not a token of this identity alone"
    ),
    (#"{"identities": [{"name": "a", "certificates": ["ops.internal"]}]}"#, "with its kind before a colon"),
    (
      #"{"identities": [{"name": "a", "certificates": ["DNS:a.b"]}, {"name": "b", "certificates": ["DNS:A.B"]}]}"#,
      "identities[1].certificates[0] is not a name of this identity alone"
    ),
    (#"{"identities": [{"name": "a", "quota": {"burst": 5}}]}"#, "quota.burst needs requests_per_second"),
    (#"{"identities": [{"name": "a", "quota": {"concurrent": 0}}]}"#, "quota.concurrent is not a number from 1"),
    (#"{"identities": [{"name": "a", "speaks_for_tenants": "yes"}]}"#, "speaks_for_tenants is not true or false"),
    (#"{"jwt": {"issuer": "i", "audience": "a"}}"#, #"jwt has no "jwks""#),
    (#"{"jwt": {"jwks": "none.json", "issuer": "i", "audience": "a"}}"#, "none.json cannot be read"),
    (#"{"jwt": {"jwks": "policy.json", "issuer": "i", "audience": "a"}}"#, "is no key set"),
    (#"{"anonymous": {"roles": ["read"], "tokens": []}}"#, #"anonymous has "tokens""#),
    ("[]", "is no JSON object"), ("{", "is no JSON"), ("", "is no JSON"),
  ]

  @Test(arguments: faults.indices) func `What is wrong is named`(place: Int) throws {
    let (json, part) = Self.faults[place]
    let fixture = try PolicyFixture()
    let error = #expect(throws: SettingsError.self) { try fixture.control(json) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "nothing") for \(json)")
  }

  @Test func `A changed file counts with the next call, and one that cannot be used changes nothing`() async throws {
    let fixture = try PolicyFixture()
    let record = LogRecord()
    let control = try fixture.control("{\(fixture.identities())}", logger: record)
    func name() throws -> String? { try? control.caller(.bearer(fixture.shop.text), nil).name }
    #expect(try name() == "shop")
    try fixture.replace("policy.json", by: "{\"identities\": [")
    try await waitUntil {
      _ = try? name(); return !record.lines.isEmpty
    }
    #expect(try name() == "shop")
    #expect(record.lines.map(\.message) == ["the changed policy is not used; the one before goes on"])
    #expect(record.lines.first?.metadata["problem"]?.description.hasSuffix("is no JSON") == true)
    try fixture.replace("policy.json", by: "{}")
    try await waitUntil { try name() == nil }
    #expect(record.lines.last?.message == "the changed policy is used from now on")
    try fixture.replace("policy.json", by: "{\(fixture.identities())}")
    try await waitUntil { try name() == "shop" }
    // A file that is gone is told once and changes nothing either.
    _ = remove(fixture.path)
    try await waitUntil {
      _ = try? name(); return record.lines.last?.level == .warning
    }
    #expect(try name() == "shop")
  }

  @Test func `A policy that is written over in place is read whole`() async throws {
    let fixture = try PolicyFixture()
    let control = try fixture.control("{}")
    // Within one tick of the file system's clock, and of the same length.
    for turn in 0..<4 {
      let name = turn.isMultiple(of: 2) ? "one" : "two"
      try fixture.directory.write(
        "{\"identities\": [{\"name\": \"\(name)\", \"roles\": [\"read\"], \"tokens\": [\"\(fixture.shop.digest.text)\"]}]}",
        to: "policy.json")
      try await waitUntil { (try? control.caller(.bearer(fixture.shop.text), nil).name) == name }
    }
  }
}
