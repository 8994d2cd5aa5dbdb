import Logging
import Testing

@testable import ServiceSupport

@Suite struct LineLogHandlerTests {
  private func line(
    _ message: String, level: Logger.Level = .info, metadata: Logger.Metadata = [:]
  ) -> String {
    LineLogHandler.line(
      time: UTCTime(seconds: 1_777_890_030, milliseconds: 7), level: level, label: "llm", message: message,
      metadata: metadata)
  }

  @Test func aLineReadsTimeLevelServiceMessageMetadata() {
    #expect(
      line("serving", metadata: ["port": "50052", "host": "::1"])
        == "2026-05-04T10:20:30.007Z INFO  llm: serving host=::1 port=50052\n")
    #expect(line("slow", level: .warning) == "2026-05-04T10:20:30.007Z WARNING llm: slow\n")
  }

  @Test func valuesThatWouldBreakTheFormatAreQuoted() {
    let text = line("x", metadata: ["a": "two words", "b": "", "c": #"say "hi""#, "d": "k=v"])
    #expect(text.hasSuffix(#"llm: x a="two words" b="" c="say \"hi\"" d="k=v""# + "\n"))
  }

  @Test func nobodyCanForgeALine() {
    let text = line("a\nb", metadata: ["id": "1\n2026 ERROR llm: fire\u{1B}[2J"])
    #expect(text.filter { $0 == "\n" }.count == 1)
    #expect(text.contains(#"a\nb"#))
    #expect(text.contains(#"1\n2026 ERROR"#))
    #expect(text.contains(#"\u{1b}[2J"#))
  }

  @Test func theLoggersLevelAndMetadataHold() {
    var logger = Logger(service: "llm", level: .warning)
    #expect(logger.logLevel == .warning)
    logger[metadataKey: "a"] = "1"
    #expect(logger[metadataKey: "a"] == "1")
  }
}
