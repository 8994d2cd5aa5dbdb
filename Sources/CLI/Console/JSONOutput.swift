// SPDX-License-Identifier: Apache-2.0

import Foundation
import SwiftProtobuf

/// JSON on standard output, laid out for reading. Names are snake_case throughout: those of the protos, as requests in
/// JSON have them, and the same style where the document is the command's own.
enum JSONOutput {
  private static var options: JSONEncodingOptions {
    var options = JSONEncodingOptions()
    options.preserveProtoFieldNames = true
    return options
  }

  static func write(_ message: some Message) throws {
    Terminal.standardOutput.writeLine(try text(message))
  }

  /// A JSON array of messages.
  static func write(_ messages: [some Message]) throws {
    Terminal.standardOutput.writeLine(try text(messages))
  }

  /// A JSON object with a message for each name.
  static func write<Entry: Message>(_ messages: [(name: String, message: Entry)]) throws {
    var object = Data("{".utf8)
    for (position, entry) in messages.enumerated() {
      object.append(Data("\(position > 0 ? "," : "")\"\(entry.name)\":".utf8))
      object.append(try bytes(entry.message))
    }
    object.append(UInt8(ascii: "}"))
    Terminal.standardOutput.writeLine(IndentedJSON.text(object))
  }

  static func text(_ message: some Message) throws -> String {
    IndentedJSON.text(try bytes(message))
  }

  static func text(_ messages: [some Message]) throws -> String {
    var array = Data("[".utf8)
    for (position, message) in messages.enumerated() {
      if position > 0 { array.append(UInt8(ascii: ",")) }
      array.append(try bytes(message))
    }
    array.append(UInt8(ascii: "]"))
    return IndentedJSON.text(array)
  }

  /// A document of the command's own, its keys sorted.
  static func text(_ document: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return IndentedJSON.text(try encoder.encode(document))
  }

  private static func bytes(_ message: some Message) throws -> Data {
    try message.jsonUTF8Data(options: options)
  }
}

extension Google_Protobuf_Timestamp {
  /// "2026-11-22 21:04" in UTC.
  var minuteText: String {
    guard seconds != 0 else { return "-" }
    let date = Date(timeIntervalSince1970: Double(seconds))
    return String(date.ISO8601Format().prefix(16)).replacing("T", with: " ")
  }

  /// "2026-11-22 21:04:07" in UTC.
  var secondText: String {
    guard seconds != 0 else { return "-" }
    let date = Date(timeIntervalSince1970: Double(seconds))
    return String(date.ISO8601Format().prefix(19)).replacing("T", with: " ")
  }
}
