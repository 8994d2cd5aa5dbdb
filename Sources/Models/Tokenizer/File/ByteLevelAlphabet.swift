// SPDX-License-Identifier: Apache-2.0

/// The characters that stand for bytes in vocabularies of GPT-2's kind: those that can be printed for themselves, and for the others,
/// in their order, those from U+0100 on.
///
/// - Source: GPT-2's `bytes_to_unicode`.
enum ByteLevelAlphabet {
  static let characters: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0..<256).map { (byte: UInt32) in
      if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE {
        return Unicode.Scalar(UInt8(byte))
      }
      defer { next += 1 }
      return Unicode.Scalar(next) ?? "?"
    }
  }()

  private static let values = Dictionary(uniqueKeysWithValues: characters.enumerated().map { ($1, UInt8($0)) })

  /// The bytes that a piece stands for; nil where a character of it stands for none, so that no text can have it.
  static func bytes(of piece: [UInt8]) -> [UInt8]? {
    var bytes: [UInt8] = []
    for scalar in String(decoding: piece, as: UTF8.self).unicodeScalars {
      guard let byte = values[scalar] else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
