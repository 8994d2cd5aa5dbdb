// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import ServiceTestSupport
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("Nothing near a token or a certificate passes", .timeLimit(.minutes(60))) struct MutatedTokenTests {
  private let fixture: PolicyFixture

  init() throws { fixture = try PolicyFixture() }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/~ :%,".utf8)

  /// One to three letters changed, added, taken away or exchanged.
  private static func mutated(_ text: String, _ random: inout SeededGenerator) -> String {
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let place = Int.random(in: 0..<max(1, bytes.count), using: &random)
      if bytes.count < 2 { break }
      let letter = alphabet.randomElement(using: &random) ?? 0
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes.insert(letter, at: place)
      case 1: bytes.remove(at: place)
      case 2: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &random))
      case 3: bytes.removeLast(min(bytes.count - 1, Int.random(in: 1...8, using: &random)))
      default: bytes[place] = letter
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `10,000 mutated tokens give nobody an identity`() throws {
    let issuer = try TokenIssuer(.es256, in: fixture.directory)
    try fixture.directory.write(issuer.keySet, to: "keys.json")
    let control = try fixture.control(
      "{\(fixture.identities()), \"jwt\": {\"jwks\": \"keys.json\", \"issuer\": \"i\", \"audience\": \"a\"}}")
    let signed = try issuer.token(#"{"iss":"i","aud":"a","sub":"ann","exp":1000,"roles":["admin"]}"#)
    let genuine = [fixture.shop.text, fixture.operators.text, signed, signed, signed]
    for token in genuine { #expect(try control.caller(.bearer(token), nil, now: 900).role != nil) }
    var random = SeededGenerator(seed: 15)
    var passed: [String] = []
    var tried = 0
    while tried < 10_000 {
      let token = Self.mutated(genuine.randomElement(using: &random) ?? "", &random)
      if genuine.contains(token) { continue }
      tried += 1
      if (try? control.caller(.bearer(token), nil, now: 900)) != nil { passed.append(token) }
    }
    #expect(passed == [])
  }

  @Test func `1,000 mutated names of certificates give nobody an identity`() throws {
    let control = try fixture.control("{\(fixture.identities())}")
    let (uri, dns, subject) = ("spiffe://shop/indexer", "ops.internal", "CN=ops,O=illmrec")
    var random = SeededGenerator(seed: 16)
    var passed: [PeerCertificate] = []
    var tried = 0
    while tried < 1000 {
      let names = [uri, dns, subject].map { Self.mutated($0, &random) }
      // Capitals are no difference in a domain name.
      if names[0] == uri || names[1].lowercased() == dns || names[2] == subject { continue }
      tried += 1
      let certificates = [
        PeerCertificate(subject: names[2], dnsNames: [names[1]], uris: [names[0]], emails: [dns, uri]),
        PeerCertificate(subject: dns, dnsNames: [uri, subject], uris: [dns, subject], emails: names),
      ]
      for certificate in certificates where try control.caller([:], certificate).role != nil {
        passed.append(certificate)
      }
    }
    #expect(passed == [])
  }
}
