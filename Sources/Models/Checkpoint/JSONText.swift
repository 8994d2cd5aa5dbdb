// SPDX-License-Identifier: Apache-2.0

import Basics
import FoundationEssentials

/// Reads and writes the JSON files of a checkpoint.
enum JSONText {
  /// Decodes the file at `path`, whose keys are in snake case; a missing key or a wrong type is named in the error.
  static func decode<Value: Decodable>(_ type: Value.Type, from path: String) throws(ModelError) -> Value {
    try decode(type, from: path, keys: .convertFromSnakeCase)
  }

  /// As `decode`, with keys as they are: for objects whose keys are data.
  static func decodeVerbatim<Value: Decodable>(_ type: Value.Type, from path: String) throws(ModelError) -> Value {
    try decode(type, from: path, keys: .useDefaultKeys)
  }

  private static func decode<Value: Decodable>(
    _ type: Value.Type, from path: String, keys: JSONDecoder.KeyDecodingStrategy
  ) throws(ModelError) -> Value {
    let file = try CheckpointFile(path: path, maxBytes: CheckpointFile.maxCopiedBytes)
    try file.refuseForeign()
    let bytes = file.withBytes { [UInt8]($0) }
    let value: Value
    do {
      value = try PythonJSON.decode(type, bytes, keys)
    } catch {
      throw ModelError(.malformed, "\(path): \(describe(error))")
    }
    try requireSingleNames(bytes, path)
    return value
  }

  /// Refuses a key that stands twice in one object: Foundation keeps the first of the two, and Python, which wrote the file, the last.
  ///
  /// - Parameter bytes: sound JSON.
  static func requireSingleNames(_ bytes: [UInt8], _ path: String) throws(ModelError) {
    guard let name = JSONMemberNames.repeated(in: bytes) else { return }
    throw ModelError(.malformed, "\(path) has the key \(quoted(name)) twice in one object; leave the one that is meant")
  }

  /// The JSON of `bytes` as it was written.
  static func value(_ bytes: [UInt8]) throws -> JSONValue {
    let value = try PythonJSON.decode(JSONValue.self, bytes)
    guard let name = JSONMemberNames.repeated(in: bytes) else { return value }
    throw ModelError(.malformed, "the key \(quoted(name)) stands twice in one object; leave the one that is meant")
  }

  /// As `decode`, or nil when there is no such file.
  static func decodeIfPresent<Value: Decodable>(_ type: Value.Type, from path: String) throws(ModelError) -> Value? {
    do {
      return try decode(type, from: path)
    } catch  where error.code == .notFound {
      return nil
    }
  }

  /// An object with its keys sorted, so that equal content gives equal bytes.
  static func encode(_ fields: [String: any Encodable]) throws(ModelError) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return try encoder.encode(Object(fields: fields))
    } catch {
      throw ModelError(.invalidInput, "a value cannot be written as JSON", cause: error)
    }
  }

  /// A text as JSON writes it, quotes included.
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case "\u{0}"..."\u{1F}":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  private static func describe(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _):
      "the key \"\(snakeCase(key.stringValue))\" is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "the value of \"\(snakeCase(context.codingPath.map(\.stringValue).joined(separator: ".")))\" has the wrong type"
    case let error as PythonJSON.NoText: error.description
    default: "it is not valid JSON"
    }
  }

  private static func snakeCase(_ name: String) -> String {
    name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
  }

  private struct Object: Encodable {
    let fields: [String: any Encodable]

    private struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      for (name, value) in fields { try container.encode(value, forKey: Key(stringValue: name)) }
    }
  }
}
