// SPDX-License-Identifier: Apache-2.0

@testable import HTTPServer
@testable import JSONWebTokens

/// Texts that come over the network.
extension FuzzTarget {
  static let texts: [String: FuzzTarget] = [
    "key_set": FuzzTarget(texts: ["ed25519": keySeed, "unsound": otherKeys]) { bytes in
      _ = taken { try KeySet(parsing: Array(bytes)) }
    },
    "web_token": FuzzTarget(texts: ["unsigned": tokenSeed]) { checkToken($0) },
    "http_request": FuzzTarget(texts: ["get": requestSeed]) { checkRequest($0) },
  ]

  private static let keys: KeySet = {
    guard let keys = taken({ try KeySet(parsing: Array(keySeed.utf8)) }) else { fatalError("the seed is no key set") }
    return keys
  }()

  private static func checkToken(_ bytes: UnsafeRawBufferPointer) {
    if let value = Base64URL.decoded(bytes) {
      require(Array(Base64URL.encoded(value).utf8) == Array(bytes), "a value has one text")
    }
    require(Base64URL.decoded(Base64URL.encoded(bytes).utf8) == Array(bytes), "what was written comes back")
    let text = String(decoding: bytes, as: UTF8.self)
    require(taken { try WebToken(text, signedByOneOf: keys) } == nil, "nobody else signs")
  }

  /// A request is the same one whatever follows it, and incomplete before its end.
  private static func checkRequest(_ bytes: UnsafeRawBufferPointer) {
    let whole = Array(bytes)
    let result = HTTPRequestParser.parse(whole, maxHeadBytes: 8192)
    guard case .request(_, let byteCount) = result else { return }
    require(byteCount <= whole.count, "a request lies within what was read")
    require(HTTPRequestParser.parse(Array(whole[..<byteCount]), maxHeadBytes: 8192) == result, "it ends where it ends")
    let before = HTTPRequestParser.parse(Array(whole[..<(byteCount - 1)]), maxHeadBytes: 8192)
    require(before == .incomplete, "and not before")
  }

  /// The public key of RFC 8037, appendix A.2.
  private static let keySeed = """
    {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "use": "sig", "alg": "EdDSA",
     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}
    """
  private static let otherKeys = """
    {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k2", "x": "AA", "y": "AA"},
     {"kty": "RSA", "kid": "k3", "n": "AQAB", "e": "AQAB", "key_ops": ["verify"]}]}
    """
  /// {"alg":"EdDSA","kid":"k1"} . {"sub":"ann"} . a signature that is none.
  private static let tokenSeed =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0.eyJzdWIiOiJhbm4ifQ."
    + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
  private static let requestSeed =
    "GET /metrics?x=1 HTTP/1.1\r\nHost: a:1\r\nConnection: keep-alive, close\r\nAccept: */*\r\n\r\n"
}
