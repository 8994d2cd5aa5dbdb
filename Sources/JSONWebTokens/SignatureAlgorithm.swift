// SPDX-License-Identifier: Apache-2.0

import CSignature

/// How a token is signed: by a private key alone. Neither "none" nor what is signed by a secret that whoever checks it has to know
/// (HS256 and its like) is among them.
///
/// - Source: RFC 7518, section 3.1; RFC 8037, section 3.1.
package enum SignatureAlgorithm: String, CaseIterable, Sendable {
  case rs256 = "RS256"
  case rs384 = "RS384"
  case rs512 = "RS512"
  case ps256 = "PS256"
  case ps384 = "PS384"
  case ps512 = "PS512"
  case es256 = "ES256"
  case es384 = "ES384"
  case es512 = "ES512"
  case edDSA = "EdDSA"

  var core: illmrec_signature_algorithm {
    switch self {
    case .rs256: ILLMREC_RS256
    case .rs384: ILLMREC_RS384
    case .rs512: ILLMREC_RS512
    case .ps256: ILLMREC_PS256
    case .ps384: ILLMREC_PS384
    case .ps512: ILLMREC_PS512
    case .es256: ILLMREC_ES256
    case .es384: ILLMREC_ES384
    case .es512: ILLMREC_ES512
    case .edDSA: ILLMREC_EDDSA
    }
  }

  static let rsa: Set<SignatureAlgorithm> = [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]

  /// Of a curve as a key names it.
  static func ecdsa(curve: String) -> SignatureAlgorithm? {
    ["P-256": .es256, "P-384": .es384, "P-521": .es512][curve]
  }
}
