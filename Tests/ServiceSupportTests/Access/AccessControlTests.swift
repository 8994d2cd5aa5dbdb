// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCTransport
import ServiceTestSupport
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("A caller is who the policy says", .timeLimit(.minutes(60))) struct AccessControlTests {
  private let fixture: PolicyFixture

  init() throws { fixture = try PolicyFixture() }

  private func certificate(_ uris: [String] = [], dns: [String] = [], subject: String = "") -> PeerCertificate {
    PeerCertificate(subject: subject, dnsNames: dns, uris: uris)
  }

  @Test func `Tokens and certificates give an identity, and nothing gives none`() throws {
    let control = try fixture.control("{\(fixture.identities())}")
    let shop = try control.caller(.bearer(fixture.shop.text), nil)
    #expect(shop == Caller(name: "shop", tenant: "eu", role: .read))
    #expect(try control.caller(["authorization": "bearer \(fixture.indexer.text)"], nil).role == .publish)
    #expect(try control.caller([:], certificate(["spiffe://shop/indexer"])).name == "indexer")
    #expect(try control.caller([:], certificate(dns: ["other.internal", "ops.INTERNAL"])).name == "operators")
    #expect(try control.caller([:], certificate(subject: "CN=ops,O=illmrec")).name == "operators")
    // A name counts as what the authority has checked it as.
    for stranger in [
      certificate(dns: ["spiffe://shop/indexer"]), certificate(["ops.internal"]), certificate(subject: "ops.internal"),
      certificate(["spiffe://shop/Indexer"]),
    ] { #expect(try control.caller([:], stranger).name == "anonymous") }
    #expect(try control.caller([:], nil).role == nil)
  }

  @Test func `What is shown must be valid: nothing else is looked at then`() throws {
    let control = try fixture.control("{\(fixture.identities()), \"anonymous\": {\"roles\": [\"admin\"]}}")
    let known = certificate(["spiffe://shop/indexer"])
    var twice = Metadata.bearer(fixture.shop.text)
    twice.addString("Bearer \(fixture.operators.text)", forKey: "authorization")
    let refused: [Metadata] = [
      .bearer(BearerToken.random().text), .bearer(""), .bearer("\(fixture.shop.text) "),
      .bearer(" \(fixture.shop.text)"),
      ["authorization": "Basic \(fixture.shop.text)"], ["authorization": "\(fixture.shop.text)"], ["authorization": ""],
      .bearer(fixture.shop.digest.text), .bearer(String(repeating: "a", count: 9000)), twice,
      .bearer(fixture.shop.text.uppercased()), .bearer("a.b.c"),
    ]
    for metadata in refused {
      let failure = #expect(throws: ServiceFailure.self) { try control.caller(metadata, known) }
      #expect(failure == Caller.unknown, "one answer for all of it")
    }
    let both = certificate(["spiffe://shop/indexer"], dns: ["ops.internal"])
    #expect(throws: ServiceFailure.self) { try control.caller([:], both) }
    #expect(try control.caller([:], nil).role == .admin)
  }

  @Test func `A role includes those before it`() throws {
    let control = try fixture.control("{\(fixture.identities())}")
    func may(_ token: BearerToken?, _ method: String, of service: String) throws -> String? {
      let caller = try control.caller(token.map { .bearer($0.text) } ?? [:], nil)
      let method = MethodDescriptor(fullyQualifiedService: service, method: method)
      do throws(ServiceFailure) {
        _ = try control.admit(caller, to: method)
        return nil
      } catch {
        return error.reason
      }
    }
    let (search, admin) = ("illmrec.retrieval.v1.RetrievalService", "illmrec.retrieval.v1.IndexAdminService")
    for token in [fixture.shop, fixture.indexer, fixture.operators] {
      #expect(try may(token, "Search", of: search) == nil)
    }
    #expect(try may(fixture.shop, "CreateVersion", of: admin) == "ROLE_MISSING")
    #expect(try may(fixture.indexer, "CreateVersion", of: admin) == nil)
    #expect(try may(fixture.indexer, "PromoteVersion", of: admin) == "ROLE_MISSING")
    #expect(try may(fixture.operators, "PromoteVersion", of: admin) == nil)
    #expect(try may(nil, "Search", of: search) == "UNAUTHENTICATED")
    #expect(try may(nil, "PromoteVersion", of: admin) == "UNAUTHENTICATED")
    #expect(try may(nil, "Check", of: "grpc.health.v1.Health") == nil)
  }

  @Test func `An identity that speaks for tenants names one, and no other does`() throws {
    let gateway = BearerToken.random()
    let control = try fixture.control(
      "{"
        + fixture.identities(
          """
          , {"name": "gateway", "tenant": "own", "roles": ["encode"], "speaks_for_tenants": true,
             "tokens": ["\(gateway.digest.text)"]}
          """) + "}")
    let asked = Caller(name: "somebody", tenant: "é:1", role: .read)
    func tenant(_ token: BearerToken, _ metadata: Metadata) throws -> String {
      var all = Metadata.bearer(token.text)
      all.add(contentsOf: metadata)
      return try control.caller(all, nil).tenant
    }
    #expect(try tenant(gateway, Tenant.metadata(for: asked)) == "é:1")
    #expect(try tenant(gateway, [:]) == "own")
    #expect(try tenant(gateway, Tenant.metadata(for: nil)) == "own")
    #expect(try tenant(fixture.shop, Tenant.metadata(for: asked)) == "eu")
    // Two of them are none.
    var twice = Tenant.metadata(for: asked)
    twice.add(contentsOf: Tenant.metadata(for: Caller(name: "b", tenant: "b", role: nil)))
    #expect(try tenant(gateway, twice) == "own")
  }

  @Test func `A tenant's names are no other tenant's`() throws {
    let names = ["", "a", ":", "1:a:", "a:b", "0::", "2:a:b"]
    let bound = names.flatMap { tenant in names.map { Tenant.bound($0, to: tenant) } }
    #expect(Set(bound).count == names.count * names.count)
    let long = try CacheScope(
      String(repeating: "s", count: 256), field: "cache_scope", caller: Caller(name: "a", tenant: "t", role: .read))
    #expect(long.sent.hasPrefix("sha256:") && long.sent.utf8.count <= CacheScope.maxBytes)
    #expect(try CacheScope("s", field: "cache_scope", caller: nil).sent == "s")
    #expect(try CacheScope("s", field: "cache_scope", caller: Caller(name: "a", role: .read)).name == "0::s")
  }
}
