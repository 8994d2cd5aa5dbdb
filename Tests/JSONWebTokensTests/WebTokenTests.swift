// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import TestSupport
import Testing

@testable import JSONWebTokens

@Suite("Tokens count that a key of the set has signed", .timeLimit(.minutes(60))) struct WebTokenTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func keys(_ json: String) throws -> KeySet { try KeySet(parsing: Array(json.utf8)) }

  private func refusal(_ token: String, _ keys: KeySet) -> String? {
    do throws(WebToken.Refusal) {
      _ = try WebToken(token, signedByOneOf: keys)
      return nil
    } catch {
      return error.reason
    }
  }

  @Test(arguments: TokenIssuer.Kind.allCases) func `A token of its issuer is read`(kind: TokenIssuer.Kind) throws {
    let issuer = try TokenIssuer(kind, in: directory)
    let other = try TokenIssuer(kind, keyID: "k2", in: directory)
    let keys = try keys(issuer.keySet)
    let token = try issuer.token(#"{"sub":"ann"}"#)
    #expect(try WebToken(token, signedByOneOf: keys).claims["sub"] == .string("ann"))
    let forged = try other.token(#"{"sub":"ann"}"#, header: #"{"alg":"\#(kind.rawValue)","kid":"k1"}"#)
    #expect(refusal(forged, keys) == "the signature is not the key's")
  }

  @Test func `The signatures of the RFCs are sound`() throws {
    // RFC 7515, appendix A.3.
    let p256: [String: JSONValue] = [
      "kty": .string("EC"), "kid": .string("a"), "crv": .string("P-256"),
      "x": .string("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
      "y": .string("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
    ]
    try expect(
      p256, .es256,
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
    // RFC 8037, appendix A.4.
    let ed25519: [String: JSONValue] = [
      "kty": .string("OKP"), "kid": .string("a"), "crv": .string("Ed25519"),
      "x": .string("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
    ]
    try expect(
      ed25519, .edDSA, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
  }

  private func expect(
    _ jwk: [String: JSONValue], _ algorithm: SignatureAlgorithm, _ message: String, _ text: String
  ) throws {
    let key = try #require(try VerificationKey(jwk))
    var signature = try #require(Base64URL.decoded(text.utf8))
    #expect(key.isSignature(signature, of: Array(message.utf8), by: algorithm))
    #expect(!key.isSignature(signature, of: Array(message.utf8), by: .rs256))
    signature[7] ^= 1
    #expect(!key.isSignature(signature, of: Array(message.utf8), by: algorithm))
  }

  @Test func `A token does not choose how it is checked`() throws {
    let issuer = try TokenIssuer(.rs256, in: directory)
    let keys = try keys(issuer.keySet)
    let claims = #"{"sub":"ann"}"#
    let headers = [
      #"{"alg":"none","kid":"k1"}"#, #"{"alg":"None","kid":"k1"}"#, #"{"alg":"HS256","kid":"k1"}"#,
      #"{"alg":"PS256","kid":"k1"}"#, #"{"alg":"ES256","kid":"k1"}"#, #"{"alg":"RS256"}"#,
      #"{"alg":"RS256","kid":"k9"}"#,
      #"{"alg":"RS256","kid":"k1","crit":["exp"]}"#, #"{"alg":"RS256","kid":"k1","b64":false}"#,
      #"{"alg":"RS256","kid":"k1","typ":"logout+jwt"}"#, #"{"alg":"none","alg":"RS256","kid":"k1"}"#,
      #"{"alg":"RS512","kid":"k1"}"#, #"["RS256"]"#,
    ]
    for header in headers { #expect(refusal(try issuer.token(claims, header: header), keys) != nil, "\(header)") }
    let unsigned = "\(base64URL(Data(#"{"alg":"none","kid":"k1"}"#.utf8))).\(base64URL(Data(claims.utf8)))."
    #expect(refusal(unsigned, keys) != nil)
    #expect(refusal(try issuer.token(claims), keys) == nil)
  }

  @Test func `A token has one text`() throws {
    let issuer = try TokenIssuer(.es256, in: directory)
    let keys = try keys(issuer.keySet)
    let token = try issuer.token(#"{"sub":"ann"}"#)
    // The last letter of 64 bytes has four bits that no byte has.
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
    for letter in letters where letter != token.last {
      let changed = String(token.dropLast()) + String(letter)
      #expect(refusal(changed, keys) != nil)
    }
    for changed in [token + "=", token + ".", token + "A", "." + token, " " + token, token + "\n"] {
      #expect(refusal(changed, keys) != nil)
    }
  }

  @Test func `Claims that stand twice are none`() throws {
    let issuer = try TokenIssuer(.edDSA, in: directory)
    let token = try issuer.token(#"{"sub":"ann","sub":"bob"}"#)
    #expect(refusal(token, try keys(issuer.keySet)) == "the payload is no sound JSON object")
  }

  @Test func `Sets with keys that cannot be told apart, are secret or too small are refused`() throws {
    let issuer = try TokenIssuer(.es256, in: directory)
    let small = #"{"kty":"RSA","kid":"s","n":"\#(base64URL(Data([UInt8](repeating: 255, count: 128))))","e":"AQAB"}"#
    let refused = [
      "{\"keys\": [\(issuer.jwk), \(issuer.jwk)]}": "two keys called",
      #"{"keys": [{"kty":"EC","crv":"P-256","kid":"a","d":"AA","x":"AA","y":"AA"}]}"#: "private key",
      "{\"keys\": [\(small)]}": "no sound one", #"{"keys": [{"kty":"oct","kid":"a","k":"AA"}]}"#: "no key that signs",
      #"{"keys": []}"#: "no key that signs", "[]": "is no key set", "{": "is no JSON",
      #"{"keys": [{"kty":"EC","crv":"P-256","kid":"a","x":"AA","y":"AA"}]}"#: "no sound one",
      #"{"keys": [{"kty":"RSA","n":"AA","e":"AQAB"}]}"#: "without \"kid\"", #"{"keys": [], "keys": []}"#: "twice",
    ]
    for (json, part) in refused {
      let problem = #expect(throws: KeySet.Problem.self) { try keys(json) }
      #expect(problem?.message.contains(part) == true, "\(json): \(problem?.message ?? "")")
    }
    // What others use is passed over.
    let mixed = "{\"keys\": [{\"kty\":\"oct\",\"k\":\"AA\"}, {\"kty\":\"RSA\",\"use\":\"enc\"}, \(issuer.jwk)]}"
    #expect(throws: Never.self) { try keys(mixed) }
  }
}

@Suite("Claims say whose a token is and for how long") struct TokenRulesTests {
  private let rules = TokenRules(issuer: "https://id.example", audience: "illmrec")

  private func holds(_ change: (inout [String: JSONValue]) -> Void) -> Bool {
    var claims: [String: JSONValue] = [
      "iss": .string("https://id.example"), "aud": .string("illmrec"), "exp": .number(1000), "nbf": .number(900),
    ]
    change(&claims)
    return (try? rules.check(claims, now: 950)) != nil
  }

  @Test func `Issuer, audience and times are held to`() {
    #expect(holds { _ in })
    #expect(holds { $0["aud"] = .array([.string("other"), .string("illmrec")]) })
    #expect(holds { $0["exp"] = .number(921) }, "thirty seconds of leeway")
    #expect(holds { $0["nbf"] = .number(980) })
    #expect(!holds { $0["iss"] = .string("https://id.example/") })
    #expect(!holds { $0["iss"] = nil })
    #expect(!holds { $0["aud"] = .string("illmrec2") })
    #expect(!holds { $0["aud"] = nil })
    #expect(!holds { $0["aud"] = .array([]) })
    #expect(!holds { $0["exp"] = nil })
    #expect(!holds { $0["exp"] = .string("1000") })
    #expect(!holds { $0["exp"] = .bool(true) })
    #expect(!holds { $0["exp"] = .number(920) })
    #expect(!holds { $0["nbf"] = .number(981) })
    #expect(!holds { $0["nbf"] = .string("now") })
  }
}

@Suite("Base64url has one text for each value") struct Base64URLTests {
  @Test func `What is encoded is decoded`() {
    for count in 0..<70 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
      let text = Base64URL.encoded(bytes)
      #expect(text == base64URL(Data(bytes)))
      #expect(Base64URL.decoded(text.utf8) == bytes)
    }
  }

  @Test(arguments: ["A", "AB", "AAB", "AA=", "AA==", "A A", "A+", "A/", "Ä", "AAAAA"])
  func `What the encoder never writes is nothing`(text: String) { #expect(Base64URL.decoded(text.utf8) == nil) }
}
