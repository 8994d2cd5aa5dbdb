// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// JSON as Python's `json` writes and reads it: NaN, Infinity and -Infinity are numbers, and all else is strict, but for a comma before
/// a closing bracket, which Foundation passes over.
///
/// Foundation's strict reader sees it. Its reader of JSON5, which has these numbers too, ends the process at a byte that is no UTF-8
/// where a name should stand, and reads beyond the text of a number such as `1e+`.
enum PythonJSON {
  /// What is no UTF-8, or has zeros, which would be another encoding.
  struct NoText: Error, CustomStringConvertible { let description = "it is not UTF-8 text; save it as such" }

  /// A byte order mark comes from editors and is passed over.
  static func decode<Value: Decodable>(
    _ type: Value.Type, _ bytes: [UInt8], _ keys: JSONDecoder.KeyDecodingStrategy = .useDefaultKeys
  ) throws -> Value {
    guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(0) else { throw NoText() }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = keys
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: mark + "Infinity", negativeInfinity: mark + "-Infinity", nan: mark + "NaN")
    return try decoder.decode(type, from: Data(quoted(bytes)))
  }

  /// The last character that there is, which is none and stands in no text.
  private static let mark = "\u{10FFFF}"
  private static let numbers = ["NaN", "Infinity", "-Infinity"].map { Array($0.utf8) }
  private static let quote = UInt8(ascii: "\"")

  /// With quotes around the numbers that JSON has not, and the mark before them.
  private static func quoted(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var (place, isWithinText) = (0, false)
    while place < bytes.count {
      let rest = bytes[place...]
      var count = 1
      if isWithinText {
        // What is escaped ends no text.
        count = rest.first == UInt8(ascii: "\\") ? 2 : 1
        isWithinText = rest.first != quote
      } else if let number = numbers.first(where: rest.starts), !isName(rest.dropFirst(number.count)) {
        result.append(quote)
        result += mark.utf8
        result += number
        result.append(quote)
        place += number.count
        continue
      } else {
        isWithinText = rest.first == quote
      }
      result += rest.prefix(count)
      place += count
    }
    return result
  }

  /// Whether what stands before `rest` names a member.
  private static func isName(_ rest: ArraySlice<UInt8>) -> Bool {
    rest.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: ":")
  }
}
