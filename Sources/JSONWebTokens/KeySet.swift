// SPDX-License-Identifier: Apache-2.0

import Basics

/// The public keys of whoever issues tokens.
///
/// - Source: RFC 7517, section 5.
package struct KeySet: Sendable {
  /// What is wrong with a file of keys, as what follows its name.
  package struct Problem: Error, Equatable {
    package let message: String

    init(_ message: String) { self.message = message }
  }

  private let keys: [Identifier: VerificationKey]

  package init(parsing bytes: [UInt8]) throws(Problem) {
    let json: JSONValue
    do throws(JSONValue.Problem) {
      json = try JSONValue(parsing: bytes)
    } catch {
      throw Problem(error.message)
    }
    guard let list = json.object?["keys"]?.array else { throw Problem("is no key set: an object with a list \"keys\"") }
    var keys: [Identifier: VerificationKey] = [:]
    for member in list {
      guard let jwk = member.object else { throw Problem("has a key that is no object") }
      guard let key = try VerificationKey(jwk) else { continue }
      guard keys.updateValue(key, forKey: key.id) == nil else {
        throw Problem("has two keys called \"\(key.id)\"; give each a \"kid\" of its own")
      }
    }
    guard !keys.isEmpty else { throw Problem("has no key that signs tokens: RSA, EC or Ed25519") }
    self.keys = keys
  }

  subscript(id: Identifier) -> VerificationKey? { keys[id] }
}
