// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The names of a JSON object's members, which Foundation keeps the last of where one stands twice.
enum JSONMemberNames {
  /// The first name of the outermost object that stands twice.
  ///
  /// - Parameter json: an object, known to be sound.
  static func repeated(in json: Data) -> String? {
    var seen: Set<String> = []
    return names(in: json).first { !seen.insert($0).inserted }
  }

  private static func names(in json: Data) -> [String] {
    let bytes = [UInt8](json)
    var (names, depth, place): ([String], Int, Int) = ([], 0, 0)
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: "\""):
        let end = end(ofStringAt: place, in: bytes)
        if depth == 1, isName(before: end, in: bytes) { names.append(text(of: bytes[place..<end])) }
        place = end
        continue
      default: break
      }
      place += 1
    }
    return names
  }

  /// Behind the closing quotation mark.
  private static func end(ofStringAt start: Int, in bytes: [UInt8]) -> Int {
    var place = start + 1
    while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
      place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(place + 1, bytes.count)
  }

  private static func isName(before end: Int, in bytes: [UInt8]) -> Bool {
    bytes[end...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: ":")
  }

  /// A name may be written in escapes.
  private static func text(of literal: ArraySlice<UInt8>) -> String {
    let text = try? JSONSerialization.jsonObject(with: Data(literal), options: .fragmentsAllowed) as? String
    return text ?? String(decoding: literal, as: UTF8.self)
  }
}
