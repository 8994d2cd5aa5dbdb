// SPDX-License-Identifier: Apache-2.0

package import Basics

/// Whose tokens count, and for whom they have to be issued.
///
/// - Source: RFC 7519, section 4.1.
package struct TokenRules: Sendable, Equatable {
  /// How far two clocks may be apart.
  package static let leewaySeconds = 30.0

  package let issuer: String
  package let audience: String

  package init(issuer: String, audience: String) {
    self.issuer = issuer
    self.audience = audience
  }

  /// - Parameter now: seconds since 1970.
  package func check(_ claims: [String: JSONValue], now: Double) throws(WebToken.Refusal) {
    guard Self.same(claims["iss"], issuer) else { throw WebToken.Refusal("it is of another issuer") }
    let audiences = claims["aud"].map { $0.array ?? [$0] } ?? []
    guard audiences.contains(where: { Self.same($0, audience) }) else {
      throw WebToken.Refusal("it is for another audience")
    }
    guard let expiry = claims["exp"]?.number else { throw WebToken.Refusal("it never expires") }
    guard now < expiry + Self.leewaySeconds else { throw WebToken.Refusal("it has expired") }
    if let start = claims["nbf"] {
      guard let start = start.number, now >= start - Self.leewaySeconds else {
        throw WebToken.Refusal("it is not valid yet")
      }
    }
  }

  /// By their bytes.
  private static func same(_ claim: JSONValue?, _ text: String) -> Bool {
    claim?.string.map { Identifier($0) == Identifier(text) } ?? false
  }
}
