// SPDX-License-Identifier: Apache-2.0

/// A request's id as gRPC's metadata takes it: printable ASCII, everything else as "%" and two hexadecimal digits for each byte.
enum RequestIDText {
  static func encoded(_ id: String) -> String {
    var text = ""
    for byte in id.utf8 {
      if isPlain(byte) { text.unicodeScalars.append(Unicode.Scalar(byte)) } else { text += escape(byte) }
    }
    return text
  }

  /// The id that was encoded to `text`; another caller's text, which is none, as it is.
  static func decoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return text }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    guard let id = String(validating: bytes, as: UTF8.self), encoded(id).utf8.elementsEqual(text.utf8) else {
      return text
    }
    return id
  }

  /// At most `maxBytes` of an id, cut between two characters of Unicode.
  static func beginning(of id: String, maxBytes: Int) -> String {
    guard id.utf8.count > maxBytes else { return id }
    var end = id.utf8.index(id.startIndex, offsetBy: maxBytes)
    while end.samePosition(in: id.unicodeScalars) == nil { end = id.utf8.index(before: end) }
    return String(id[..<end])
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "%")
  }

  private static func escape(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return digits.utf8.count == 1 ? "%0" + digits : "%" + digits
  }
}
