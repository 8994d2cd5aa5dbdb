import Foundation
import SwiftProtobuf

/// JSON on standard output, laid out for reading.
enum JSONOutput {
  static func write(_ message: some Message) throws {
    Terminal.standardOutput.writeLine(IndentedJSON.text(try message.jsonUTF8Data() as Data))
  }

  /// A JSON array of messages.
  static func write(_ messages: [some Message]) throws {
    var bytes = Data("[".utf8)
    for (position, message) in messages.enumerated() {
      if position > 0 { bytes.append(UInt8(ascii: ",")) }
      bytes.append(try message.jsonUTF8Data() as Data)
    }
    bytes.append(UInt8(ascii: "]"))
    Terminal.standardOutput.writeLine(IndentedJSON.text(bytes))
  }
}

extension Google_Protobuf_Timestamp {
  /// "2026-11-22 21:04" in UTC.
  var minuteText: String {
    guard seconds != 0 else { return "-" }
    let date = Date(timeIntervalSince1970: Double(seconds))
    return String(date.ISO8601Format().prefix(16)).replacing("T", with: " ")
  }
}
