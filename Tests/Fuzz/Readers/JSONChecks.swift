// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import Datasets

/// The cursor against Foundation's reader.
enum JSONChecks {
  /// What Foundation reads the cursor reads too; it is allowed to read more.
  static func check(_ bytes: UnsafeRawBufferPointer) {
    let text = bytes.bindMemory(to: UInt8.self)
    let isRead = reads(text, .json)
    require(!isRead || reads(text, .python), "what JSON is Python reads")
    // Foundation takes other encodings, and deeper documents.
    guard String(validating: text, as: UTF8.self) != nil, !text.contains(0), text.first != 0xEF else { return }
    let nesting = text.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }
    guard nesting < 256, text.count < 4096, !hasLooseComma(text) else { return }
    let value = try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)
    require(value == nil || isRead, "the cursor reads what JSON is")
    if let expected = value as? String { checkString(text, expected) }
    if let expected = value as? Int, isRead { checkInteger(text, expected) }
  }

  /// Whether a comma stands before a closing bracket, which Foundation passes over.
  private static func hasLooseComma(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    text.indices.contains { place in
      guard text[place] == UInt8(ascii: ",") else { return false }
      let next = text[(place + 1)...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
      return next == UInt8(ascii: "]") || next == UInt8(ascii: "}")
    }
  }

  private static func reads(_ text: UnsafeBufferPointer<UInt8>, _ grammar: JSONCursor.Grammar) -> Bool {
    var cursor = JSONCursor(borrowing: text, grammar: grammar)
    let read: Void? = taken {
      try cursor.skip()
      try cursor.finish()
    }
    return read != nil
  }

  private static func checkString(_ text: UnsafeBufferPointer<UInt8>, _ expected: String) {
    var cursor = JSONCursor(borrowing: text)
    let read = taken { try cursor.readString(isExact: true) }
    require(read.map { $0.utf8.elementsEqual(expected.utf8) } ?? false, "a text is the same")
  }

  private static func checkInteger(_ text: UnsafeBufferPointer<UInt8>, _ expected: Int) {
    var cursor = JSONCursor(borrowing: text)
    guard (taken { try cursor.kind() }) == .number, let read = taken({ try cursor.readInteger() }) else { return }
    require(read == expected, "a number is the same")
  }
}
