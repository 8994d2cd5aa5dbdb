// SPDX-License-Identifier: Apache-2.0

import Digest
import FoundationEssentials

/// A JSON document that carries the SHA-256 of its own text, as the last member of its outermost object.
///
/// It stays plain JSON for people and `jq`, and any changed byte is noticed: the digest covers every byte before the
/// tail, and the tail has one spelling only.
package enum SealedDocument {
  private static let tailStart = ",\n  \"sha256\" : \""
  private static let tailEnd = "\"\n}\n"

  /// `value` as a sealed document.
  package static func encode(_ value: some Encodable) throws(VectorIndexError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let json: Data
    do { json = try encoder.encode(value) } catch {
      throw VectorIndexError(.invalidHeader, "it cannot be written as JSON: \(error)", cause: error)
    }
    // Pretty-printed objects end in a line break and the closing brace.
    var body = Array(json)
    precondition(body.suffix(2) == Array("\n}".utf8), "only an object with members can be sealed")
    body.removeLast(2)
    let digest = body.withUnsafeBytes { SHA256.hex(of: $0) }
    return body + Array("\(tailStart)\(digest)\(tailEnd)".utf8)
  }

  /// The value in `bytes`; `path` names the file in errors.
  package static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], path: String
  ) throws(VectorIndexError) -> Value {
    let tailLength = tailStart.utf8.count + 64 + tailEnd.utf8.count
    let body = bytes.dropLast(tailLength)
    let digest = body.withUnsafeBytes { SHA256.hex(of: $0) }
    guard Array(bytes.suffix(tailLength)) == Array("\(tailStart)\(digest)\(tailEnd)".utf8) else {
      throw VectorIndexError(
        .corrupt, "\(path) was changed or cut off: its text does not match the SHA-256 at its end")
    }
    do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
      throw VectorIndexError(.corrupt, "\(path) does not hold what it should: \(error)", cause: error)
    }
  }
}
