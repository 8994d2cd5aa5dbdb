// SPDX-License-Identifier: Apache-2.0

import Basics
import TestSupport
import Testing

@testable import Models

@Suite("A JSON file of a checkpoint is read as Python reads it, or refused by name")
struct HostileJSONTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// Where a name should stand, within one, within a text, and within a character that is cut short.
  @Test(arguments: [
    Array("{\"r\": 8, ".utf8) + [0xFF] + Array("\"lora_alpha\": 16}".utf8),
    Array("{\"r".utf8) + [0x9D] + Array("\": 8}".utf8), Array("{\"r\": 8, \"x\": \"".utf8) + [0xFE] + Array("\"}".utf8),
    Array("{\"r\": 8, ".utf8) + [0xC4], Array("{\"r\": 8, ".utf8) + [0xF0, 0x9F, 0x98],
    Array("{".utf8) + [0xED, 0xA0, 0x80],
  ])
  func `A byte that is no UTF-8 is refused, wherever it stands`(bytes: [UInt8]) throws {
    let path = try directory.write(bytes, to: "config.json")
    let adapter = #expect(throws: ModelError.self) { try LoRASettings(peft: path) }
    #expect(adapter?.message.contains("config.json: it is not UTF-8 text") == true)
    let images = #expect(throws: ModelError.self) { try ImagePreprocessing(configurationFile: path) }
    #expect(adapter?.code == .malformed && images?.code == .malformed)
  }

  /// Names that stand twice would not be found in it.
  @Test func `Text of another encoding is refused`() throws {
    let text = #"{"r": 8, "r": 9}"#
    for (before, behind) in [(0, 1), (1, 0), (0, 3), (3, 0)] {
      let bytes = text.utf8.flatMap { letter -> [UInt8] in
        [UInt8](repeating: 0, count: before) + [letter] + [UInt8](repeating: 0, count: behind)
      }
      let path = try directory.write(bytes, to: "adapter_config.json")
      let problem = #expect(throws: ModelError.self) { try LoRASettings(peft: path) }
      #expect(problem?.message.contains("adapter_config.json: it is not UTF-8 text") == true)
    }
  }

  /// The first reads beyond its end in Foundation's reader of JSON5; the others are JSON5, which Python refuses.
  @Test(arguments: [
    #"{"r": 1e+, "x": 2}"#, #"{"r": 8, "x": [1e-]}"#, "{'r': 8}", "{r: 8}", #"{"r": 0x8}"#, #"{"r": +8}"#,
    "// r\n{\"r\": 8}",
    #"{"r": 8, NaN: 1}"#, #"{"r": 1NaN}"#, #"{"r": -NaN}"#, #"{"r": nan}"#,
  ])
  func `What is no JSON is refused`(text: String) throws {
    let path = try directory.write(text, to: "adapter_config.json")
    let problem = #expect(throws: ModelError.self) { try LoRASettings(peft: path) }
    #expect(problem?.code == .malformed)
  }

  @Test func `Python's numbers that are none are numbers, and the same words in texts are texts`() throws {
    let text = #"{"a": [NaN ,Infinity,-Infinity], "NaN" : "NaN", "x\"NaN\\": "\\\"Infinity", "n": NaN}"#
    guard case .object(let members) = try JSONText.value(Array(text.utf8)), case .array(let numbers) = members["a"]
    else {
      Issue.record("no object")
      return
    }
    #expect(numbers[0].number?.isNaN == true && members["n"]?.number?.isNaN == true)
    #expect(numbers[1...].map(\.number) == [.infinity, -.infinity])
    #expect(members["NaN"] == .string("NaN") && members[#"x"NaN\"#] == .string(#"\"Infinity"#))
  }
}
