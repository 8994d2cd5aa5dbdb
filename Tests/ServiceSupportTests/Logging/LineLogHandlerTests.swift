// SPDX-License-Identifier: Apache-2.0

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

  @Test func `The logger's level and metadata hold`() {
    var logger = Logger(service: "llm", level: .warning)
    #expect(logger.logLevel == .warning)
    logger[metadataKey: "a"] = "1"
    #expect(logger[metadataKey: "a"] == "1")
  }
}
