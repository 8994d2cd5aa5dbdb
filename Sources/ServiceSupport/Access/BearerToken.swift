// SPDX-License-Identifier: Apache-2.0

import Digest
package import GRPCCore
import JSONWebTokens

/// A text that gives whoever has it an identity.
///
/// - Source: RFC 6750.
package struct BearerToken: Sendable {
  static let metadataKey = "authorization"
  /// Found by scanners for secrets that were committed by mistake.
  private static let prefix = "illmrec_"
  private static let randomBytes = 32

  package let text: String

  /// Nil for what cannot stand in a header.
  package init?(_ text: String) {
    guard (1...WebToken.maxBytes).contains(text.utf8.count), text.utf8.allSatisfy(Self.isTokenByte) else { return nil }
    self.text = text
  }

  /// One that nobody guesses: 256 random bits.
  package static func random() -> BearerToken {
    var random = SystemRandomNumberGenerator()
    let bytes = (0..<randomBytes).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    return BearerToken(unchecked: prefix + Base64URL.encoded(bytes))
  }

  private init(unchecked text: String) { self.text = text }

  /// What a policy has of it.
  package var digest: TokenDigest { TokenDigest(of: text) }

  package var metadata: Metadata { [Self.metadataKey: "Bearer \(text)"] }

  /// What a call's metadata has.
  enum Sent {
    case none
    case token(BearerToken)
    /// Something else, or more than one.
    case unusable(String)
  }

  static func sent(in metadata: Metadata) -> Sent {
    let values = Array(metadata[stringValues: metadataKey].prefix(2))
    guard let value = values.first else { return .none }
    guard values.count == 1 else { return .unusable("more than one authorization was sent") }
    let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].lowercased() == "bearer", let token = BearerToken(String(parts[1])) else {
      return .unusable("the authorization is no bearer token")
    }
    return .token(token)
  }

  /// Letters, digits and what RFC 6750 has beside them.
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._~+/=".utf8.contains(byte)
    }
  }
}

/// The SHA-256 of a token. A token has 256 random bits, so that this tells nothing of it.
package struct TokenDigest: Sendable, Equatable {
  private static let scheme = "sha256:"

  private let words: [UInt64]

  init(of token: String) {
    var digest = SHA256()
    digest.update(token)
    words = Self.words(digest.finish())
  }

  /// Nil for what ``text`` never is.
  package init?(parsing text: String) {
    guard text.hasPrefix(Self.scheme) else { return nil }
    let digits = Array(text.utf8.dropFirst(Self.scheme.utf8.count))
    guard digits.count == 64, let values = try? digits.map(Self.value) else { return nil }
    words = Self.words(stride(from: 0, to: 64, by: 2).map { values[$0] << 4 | values[$0 + 1] })
  }

  package var text: String {
    Self.scheme + SHA256.hex(words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } })
  }

  /// In a time that does not tell where they differ.
  func isSame(as other: TokenDigest) -> Bool {
    var difference: UInt64 = 0
    for place in 0..<4 { difference |= words[place] ^ other.words[place] }
    return difference == 0
  }

  private static func words(_ bytes: [UInt8]) -> [UInt64] {
    (0..<4).map { word in (0..<8).reduce(0) { $0 << 8 | UInt64(bytes[8 * word + $1]) } }
  }

  private struct NoDigit: Error {}

  private static func value(_ digit: UInt8) throws -> UInt8 {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: throw NoDigit()
    }
  }
}
