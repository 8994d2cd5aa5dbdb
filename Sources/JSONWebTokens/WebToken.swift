// SPDX-License-Identifier: Apache-2.0

package import Basics

/// A token in its compact form whose signature is that of one of an issuer's keys.
///
/// - Source: RFC 7515, section 5.2; RFC 7519, section 7.2; RFC 8725 for what else to refuse.
package struct WebToken: Sendable {
  package static let maxBytes = 8 << 10

  /// Why a token is none, for the log of whoever checks it; whoever sent it is not told.
  package struct Refusal: Error, Equatable {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
  }

  /// Not yet looked at: ``TokenRules``.
  package let claims: [String: JSONValue]

  /// Whether a text may be such a token; what is no secret to say.
  package static func isOfForm(_ text: String) -> Bool { text.utf8.count { $0 == dot } == 2 }

  package init(_ text: String, signedByOneOf keys: KeySet) throws(Refusal) {
    let bytes = Array(text.utf8)
    let parts = bytes.split(separator: Self.dot, omittingEmptySubsequences: false)
    guard bytes.count <= Self.maxBytes, parts.count == 3 else { throw Refusal("not of the form of a token") }
    let header = try Self.object(parts[0], "header")
    guard let signature = Base64URL.decoded(parts[2]), !signature.isEmpty else {
      throw Refusal("the signature is not base64url")
    }
    let (key, algorithm) = try Self.key(for: header, of: keys)
    guard key.isSignature(signature, of: Array(bytes[..<parts[1].endIndex]), by: algorithm) else {
      throw Refusal("the signature is not the key's")
    }
    claims = try Self.object(parts[1], "payload")
  }

  private static let dot = UInt8(ascii: ".")
  private static let types: Set<String> = ["jwt", "at+jwt", "application/at+jwt"]

  /// The key that the token names, by an algorithm that is the key's: a token does not choose how it is checked.
  private static func key(
    for header: [String: JSONValue], of keys: KeySet
  ) throws(Refusal) -> (VerificationKey, SignatureAlgorithm) {
    guard header["crit"] == nil, header["b64"] == nil else {
      throw Refusal("it demands extensions that are not known here")
    }
    if let type = header["typ"] {
      guard let name = type.string?.lowercased(), types.contains(name) else { throw Refusal("it is of another type") }
    }
    guard let algorithm = header["alg"]?.string.flatMap(SignatureAlgorithm.init) else {
      throw Refusal("its algorithm is not one by which a private key signs")
    }
    guard let id = header["kid"]?.string, let key = keys[Identifier(id)] else {
      throw Refusal("it names no key of the set")
    }
    guard key.algorithms.contains(algorithm) else { throw Refusal("its algorithm is not the key's") }
    return (key, algorithm)
  }

  private static func object(_ part: ArraySlice<UInt8>, _ name: String) throws(Refusal) -> [String: JSONValue] {
    guard let bytes = Base64URL.decoded(part) else { throw Refusal("the \(name) is not base64url") }
    guard let object = (try? JSONValue(parsing: bytes))?.object else {
      throw Refusal("the \(name) is no sound JSON object")
    }
    return object
  }
}
