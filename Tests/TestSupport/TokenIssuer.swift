// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// Signs JSON Web Tokens for a test, with Debian's openssl. Its files last as long as the directory.
package struct TokenIssuer: Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    case rs256 = "RS256"
    case ps256 = "PS256"
    case es256 = "ES256"
    case es384 = "ES384"
    case edDSA = "EdDSA"
  }

  package let kind: Kind
  package let keyID: String
  /// The member of a key set.
  package let jwk: String
  private let key: String
  private let directory: TemporaryDirectory

  package init(_ kind: Kind, keyID: String = "k1", in directory: TemporaryDirectory) throws {
    self.kind = kind
    self.keyID = keyID
    self.directory = directory
    key = directory.file("\(keyID)-\(kind.rawValue).key")
    let options =
      switch kind {
      case .rs256, .ps256: ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
      case .es256: ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
      case .es384: ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]
      case .edDSA: ["ED25519"]
      }
    _ = try openssl(["genpkey", "-out", key, "-algorithm"] + options)
    jwk = try Self.jwk(kind, keyID, key)
  }

  package var keySet: String { "{\"keys\": [\(jwk)]}" }

  /// A token with these claims, by the header that belongs to the key unless another is given.
  package func token(_ claims: String, header: String? = nil) throws -> String {
    let header = header ?? "{\"alg\":\"\(kind.rawValue)\",\"kid\":\"\(keyID)\",\"typ\":\"JWT\"}"
    let message = "\(base64URL(Data(header.utf8))).\(base64URL(Data(claims.utf8)))"
    return "\(message).\(base64URL(try signature(of: message)))"
  }

  private func signature(of message: String) throws -> Data {
    let file = directory.file("message-\(UUID().uuidString)")
    try Data(message.utf8).write(to: URL(filePath: file))
    switch kind {
    case .rs256: return try openssl(["dgst", "-sha256", "-sign", key, file])
    case .ps256:
      return try openssl([
        "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest", "-sign", key, file,
      ])
    case .es256: return numbers(in: try openssl(["dgst", "-sha256", "-sign", key, file]), bytes: 32)
    case .es384: return numbers(in: try openssl(["dgst", "-sha384", "-sign", key, file]), bytes: 48)
    case .edDSA: return try openssl(["pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", file])
    }
  }

  private static func jwk(_ kind: Kind, _ keyID: String, _ key: String) throws -> String {
    let head = "\"kid\":\"\(keyID)\",\"alg\":\"\(kind.rawValue)\",\"use\":\"sig\""
    let der = try openssl(["pkey", "-in", key, "-pubout", "-outform", "DER"])
    switch kind {
    case .rs256, .ps256:
      let line = String(decoding: try openssl(["rsa", "-in", key, "-noout", "-modulus"]), as: UTF8.self)
      let digits = Array(line.dropFirst("Modulus=".count).prefix { $0.isHexDigit })
      let modulus = stride(from: 0, to: digits.count, by: 2).compactMap {
        UInt8(String(digits[$0...$0 + 1]), radix: 16)
      }
      return "{\(head),\"kty\":\"RSA\",\"n\":\"\(base64URL(Data(modulus)))\",\"e\":\"AQAB\"}"
    case .es256, .es384:
      let bytes = kind == .es256 ? 32 : 48
      let (x, y) = (der.suffix(2 * bytes).prefix(bytes), der.suffix(bytes))
      return """
        {\(head),"kty":"EC","crv":"P-\(8 * bytes)","x":"\(base64URL(x))","y":"\(base64URL(y))"}
        """
    case .edDSA: return "{\(head),\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\(base64URL(der.suffix(32)))\"}"
    }
  }
}

/// Both numbers of an ECDSA signature in DER, each in `bytes` bytes.
private func numbers(in der: Data, bytes: Int) -> Data {
  var rest = Array(der).dropFirst(2)
  var numbers = Data()
  for _ in 0..<2 {
    let count = Int(rest.dropFirst().first ?? 0)
    let number = rest.dropFirst(2).prefix(count).suffix(bytes)
    numbers += [UInt8](repeating: 0, count: bytes - number.count) + number
    rest = rest.dropFirst(2 + count)
  }
  return numbers
}

package func base64URL(_ bytes: Data) -> String {
  bytes.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}

private func openssl(_ arguments: [String]) throws -> Data {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/openssl")
  process.arguments = arguments
  process.standardInput = FileHandle.nullDevice
  process.standardError = FileHandle.nullDevice
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let bytes = output.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    throw CocoaError(.executableLoad, userInfo: [NSDebugDescriptionErrorKey: "openssl \(arguments) failed"])
  }
  return bytes
}
