// SPDX-License-Identifier: Apache-2.0

import Basics
import CSignature

/// A public key of a key set, and what it may be used for.
///
/// Sendable: the key behind the handle never changes, and OpenSSL checks signatures with it on any thread.
final class VerificationKey: Sendable {
  let id: Identifier
  /// One, where the set says so; else all that fit the key.
  let algorithms: Set<SignatureAlgorithm>
  private nonisolated(unsafe) let handle: OpaquePointer

  /// Nil for a key that signs nothing or is of a kind that is not known here, which RFC 7517, section 5, has us pass over.
  ///
  /// - Parameter jwk: a member of a key set.
  /// - Throws: for a key that would be used, and is not sound.
  init?(_ jwk: [String: JSONValue]) throws(KeySet.Problem) {
    guard let type = jwk["kty"]?.string else { throw KeySet.Problem("has a key without \"kty\"") }
    if let use = jwk["use"], use != .string("sig") { return nil }
    if let operations = jwk["key_ops"]?.array, !operations.contains(.string("verify")) { return nil }
    guard let possible = Self.algorithms(ofType: type, jwk) else { return nil }
    guard let id = jwk["kid"]?.string, !id.isEmpty else {
      throw KeySet.Problem("has a key without \"kid\"; tokens name the key that signed them by it")
    }
    guard jwk["d"] == nil else {
      throw KeySet.Problem(
        "holds the private key \"\(id)\"; publish the public one, and replace that key: it is no secret any more")
    }
    var algorithms = possible
    if let algorithm = jwk["alg"] {
      guard let one = algorithm.string.flatMap(SignatureAlgorithm.init), possible.contains(one) else {
        throw KeySet.Problem("has the key \"\(id)\" with an \"alg\" that does not fit it")
      }
      algorithms = [one]
    }
    guard let handle = Self.handle(ofType: type, possible, jwk) else {
      throw KeySet.Problem("has the key \"\(id)\", which is no sound one (RSA keys need 2048 bits)")
    }
    self.id = Identifier(id)
    self.algorithms = algorithms
    self.handle = handle
  }

  deinit { illmrec_public_key_destroy(handle) }

  func isSignature(_ signature: [UInt8], of message: [UInt8], by algorithm: SignatureAlgorithm) -> Bool {
    illmrec_public_key_verifies(handle, algorithm.core, message, message.count, signature, signature.count)
  }

  private static func algorithms(ofType type: String, _ jwk: [String: JSONValue]) -> Set<SignatureAlgorithm>? {
    let curve = jwk["crv"]?.string ?? ""
    switch type {
    case "RSA": return SignatureAlgorithm.rsa
    case "EC": return SignatureAlgorithm.ecdsa(curve: curve).map { [$0] }
    case "OKP": return curve == "Ed25519" ? [.edDSA] : nil
    default: return nil
    }
  }

  private static func handle(
    ofType type: String, _ algorithms: Set<SignatureAlgorithm>, _ jwk: [String: JSONValue]
  ) -> OpaquePointer? {
    func number(_ name: String) -> [UInt8]? { jwk[name]?.string.flatMap { Base64URL.decoded($0.utf8) } }
    switch type {
    case "RSA":
      guard let n = number("n"), let e = number("e") else { return nil }
      return illmrec_rsa_key_create(n, n.count, e, e.count)
    case "EC":
      guard let x = number("x"), let y = number("y"), x.count == y.count, let algorithm = algorithms.first else {
        return nil
      }
      return illmrec_ec_key_create(algorithm.core, x, y, x.count)
    default:
      return number("x").flatMap { illmrec_ed25519_key_create($0, $0.count) }
    }
  }
}
