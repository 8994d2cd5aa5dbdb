// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Datasets

@Suite("A cursor walks through JSON")
struct JSONCursorTests {
  private func read<Value>(_ text: String, _ body: (inout JSONCursor) throws -> Value) throws -> Value {
    try Array(text.utf8).withUnsafeBufferPointer { bytes in
      var cursor = JSONCursor(borrowing: bytes)
      let value = try body(&cursor)
      try cursor.finish()
      return value
    }
  }

  @Test
  func `Objects keep the order of their keys, and what is not asked for is passed over`() throws {
    var keys: [String] = []
    let numbers = try read(#" {"b": [1, "2", 3.0], "a": {"x": [null, true]}, "c": -1.5e3} "#) { cursor in
      var numbers: [Int] = []
      try cursor.readObject { key, cursor in
        keys.append(key)
        if key == "b" { try cursor.readArray { numbers.append(try $0.readInteger()) } } else { try cursor.skip() }
      }
      return numbers
    }
    #expect(keys == ["b", "a", "c"])
    #expect(numbers == [1, 2, 3])
  }

  @Test(arguments: [
    (#""a\n\"\/\\""#, "a\n\"/\\"), (#""\u00e9\ud83d\ude00""#, "é😀"), (#""\ud83dx""#, "\u{FFFD}x"), ("\"日本\"", "日本"),
  ])
  func `Escapes are read, and halves of surrogate pairs that stand alone are replaced`(
    text: String, expected: String
  ) throws {
    #expect(try read(text) { try $0.readString() } == expected)
  }

  @Test
  func `A value as texts is flattened and cut of white space; empty and other values are left out`() throws {
    #expect(try read(#"[" a ", "", ["b\n", 7], null, {"c": 1}]"#) { try $0.readTexts() } == ["a", "b", "7"])
  }

  @Test(arguments: [
    (#"{"a" 1}"#, 5), (#"{"a": 1"#, 7), ("[1 2]", 3), (#"["a"#, 3), ("[01]", 1), ("[1] x", 4), ("[tru]", 1), ("", 0),
    ("[\"a\tb\"]", 3), (#"["\ud8"]"#, 2), ("{'a': 1}", 1), (#"{"a": True}"#, 6),
  ])
  func `What is no JSON is refused at its place`(text: String, offset: Int) {
    let problem = #expect(throws: JSONProblem.self) {
      try read(text) { cursor in
        if text.hasPrefix(#"["\u"#) { _ = try cursor.readTexts() } else { try cursor.skip() }
      }
    }
    #expect(problem?.offset == offset, "\(problem?.message ?? "")")
  }

  @Test
  func `Deep nesting is refused and does not end the process`() {
    let problem = #expect(throws: JSONProblem.self) {
      try read(String(repeating: "[", count: 100_000)) { try $0.skip() }
    }
    #expect(problem?.message.contains("nested") == true)
  }
}
