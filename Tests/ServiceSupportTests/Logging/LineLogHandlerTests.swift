// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Testing

@testable import ServiceSupport

@Suite("A log line is one line") struct LineLogHandlerTests {
  private func line(
    _ message: String, level: Logger.Level = .info, metadata: Logger.Metadata = [:]
  ) -> String {
    LineLogHandler.line(
      time: UTCTime(seconds: 1_777_890_030, milliseconds: 7), level: level, label: "llm", message: message,
      metadata: metadata)
  }

  @Test func `A line reads time, level, service, message and metadata`() {
    #expect(
      line("serving", metadata: ["port": "50052", "host": "::1"])
        == "2026-05-04T10:20:30.007Z INFO  llm: serving host=::1 port=50052\n")
    #expect(line("slow", level: .warning) == "2026-05-04T10:20:30.007Z WARNING llm: slow\n")
  }

  @Test func `Values that would break the format are quoted`() {
    let text = line("x", metadata: ["a": "two words", "b": "", "c": #"say "hi""#, "d": "k=v"])
    #expect(text.hasSuffix(#"llm: x a="two words" b="" c="say \"hi\"" d="k=v""# + "\n"))
  }

  @Test func `Nobody can forge a line`() {
    let text = line("a\nb", metadata: ["id": "1\n2026 ERROR llm: fire\u{1B}[2J"])
    #expect(text.filter { $0 == "\n" }.count == 1)
    #expect(text.contains(#"a\nb"#))
    #expect(text.contains(#"1\n2026 ERROR"#))
    #expect(text.contains(#"\u{1b}[2J"#))
  }

  @Test func `What turns the direction of text is escaped, and a quote with an accent is a quote`() {
    let text = line("a\u{202E}b", metadata: ["id": "x y\"\u{301} z=1", "path": "a b\\", "p": "\u{85}\u{2028}"])
    #expect(
      text.hasSuffix(
        #"llm: a\u{202e}b id="x y\"\#u{301} z=1" p=\u{85}\u{2028} path="a b\\""# + "\n"))
  }

  @Test func `A line of JSON is one object, whatever stands in it`() throws {
    let hostile = "a\"\u{301},\n{\u{202E}\\\u{0}\u{1F600}"
    let text = JSONLine.line(
      time: UTCTime(seconds: 1_777_890_030, milliseconds: 7), level: .notice, label: "llm", message: "serving",
      metadata: ["port": "50052", "message": "\(hostile)", "key \"": "1"])
    #expect(
      text
        == #"{"time":"2026-05-04T10:20:30.007Z","level":"notice","service":"llm","message":"serving","key \"":"1","#
        + #""message_":"a\"\#u{301},\n{\u202e\\\u0000\#u{1F600}","port":"50052"}"# + "\n")
    let read = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
    #expect(read["message_"]?.unicodeScalars.elementsEqual(hostile.unicodeScalars) == true)
    #expect(text.utf8.filter { $0 == UInt8(ascii: "\n") }.count == 1)
  }

  @Test func `The logger's level and metadata hold`() {
    var logger = Logger(service: "llm", level: .warning)
    #expect(logger.logLevel == .warning)
    logger[metadataKey: "a"] = "1"
    #expect(logger[metadataKey: "a"] == "1")
  }
}
