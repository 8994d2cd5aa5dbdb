// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// The names of JSON objects' members, of which Foundation keeps the last where one stands twice in an object.
package enum JSONMemberNames {
  /// The first name that stands twice in one object, of the outermost one or of any within it.
  ///
  /// - Parameter json: known to be sound.
  package static func repeated(in json: Data) -> String? { repeated(in: [UInt8](json)) }

  package static func repeated(in bytes: [UInt8]) -> String? {
    // The names of each object that is open; nothing ever stands in an array's.
    var (seen, place): ([Set<Identifier>], Int) = ([], 0)
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: "{"), UInt8(ascii: "["): seen.append([])
      case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = seen.popLast()
      case UInt8(ascii: "\""):
        let end = end(ofStringAt: place, in: bytes)
        if !seen.isEmpty, isName(before: end, in: bytes) {
          let name = text(of: bytes[place..<end])
          if !seen[seen.count - 1].insert(Identifier(name)).inserted { return name }
        }
        place = end
        continue
      default: break
      }
      place += 1
    }
    return nil
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
