// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Testing

@testable import CLI

@Suite("The console shows tables and progress")
struct ConsoleTests {
  private let pipe = Terminal(descriptor: -1, isInteractive: false, usesColour: false)

  @Test
  func `Columns align by what a terminal shows, and control characters cannot break the table`() {
    var table = TextTable([.init("ID"), .init("N", .trailing), .init("TITLE", isFlexible: true)])
    table.add(["a", "7", "日本 lamp"])
    table.add(["bcd", "1,204", "two\nlines\u{1B}[31m"])
    #expect(table.lines(for: pipe) == ["ID       N  TITLE", "a        7  日本 lamp", "bcd  1,204  two lines\\u{1B}[31m"])
    var turned = TextTable([.init("TITLE")])
    turned.add(["\u{202E}pmal\u{2066}e\u{301}\u{2028}\tx"])
    #expect(turned.lines(for: pipe)[1] == "\\u{202E}pmal\\u{2066}e\u{301}  x")
  }

  @Test(arguments: [("abc", 3), ("日本", 4), ("e\u{301}", 1), ("", 0)])
  func `Width is right for wide, combining and plain text`(text: String, columns: Int) {
    #expect(DisplayWidth.of(text) == columns)
  }

  @Test
  func `Text is cut with an ellipsis, never beyond its width`() {
    #expect(DisplayWidth.truncated("lamp", to: 4) == "lamp")
    #expect(DisplayWidth.truncated("lamps", to: 4) == "lam…")
    #expect(DisplayWidth.truncated("日本語", to: 4) == "日…")
    #expect(DisplayWidth.truncated("lamp", to: 0) == "")
  }

  @Test
  func `The rate is that of the last fifteen seconds: early cache hits do not count for ever`() {
    var estimate = ProgressEstimate(total: 1_000)
    estimate.record(completed: 600, at: .seconds(1))
    #expect(estimate.rate == 600)
    for second in 2...40 { estimate.record(completed: 600 + 10 * (second - 1), at: .seconds(second)) }
    #expect(estimate.rate == 10)
    #expect(estimate.remaining == .seconds(1))
  }

  @Test
  func `A progress line is plain`() {
    var estimate = ProgressEstimate(total: 3_587)
    estimate.record(completed: 1_204, at: .seconds(10))
    let line = ProgressLine(label: "Encoding", unit: "items", estimate: estimate, note: "3 failed")
    #expect(line.plain == "Encoding  1,204 of 3,587 items (33%), 120 items/s, 19.8 s left, 3 failed")
  }

  @Test(arguments: [
    (Duration.milliseconds(850), "850 ms"), (.milliseconds(4_200), "4.2 s"), (.seconds(200), "3 min 20 s"),
    (.seconds(7_500), "2 h 5 min"),
  ])
  func `Durations read as people say them`(duration: Duration, text: String) {
    #expect(duration.brief == text)
  }

  @Test
  func `JSON is laid out without touching its values`() {
    let text = IndentedJSON.text(Array(#"{"a":[1,2.50],"b":{},"c":"x,{}:\" y"}"#.utf8))
    #expect(text == "{\n  \"a\": [\n    1,\n    2.50\n  ],\n  \"b\": {},\n  \"c\": \"x,{}:\\\" y\"\n}")
  }

  @Test
  func `What a terminal would act on is escaped in JSON, and is the same value`() throws {
    let names = ["\u{202E}gnp.exe", "a\u{9B}31mb", "x\u{2028}\u{61C}", "é\u{301}日本 \u{1F600}"]
    let plain = try JSONEncoder().encode(names)
    let text = IndentedJSON.text(plain)
    #expect(!text.unicodeScalars.contains { $0 != "\n" && VisibleText.isActive($0) })
    #expect(text.contains("\\u202egnp.exe") && text.contains("a\\u009b31mb"))
    let read = try JSONDecoder().decode([String].self, from: Data(text.utf8))
    #expect(read.map { Array($0.utf8) } == names.map { Array($0.utf8) })
  }

  @Test
  func `Counts carry their noun in the right number`() {
    #expect([0, 1, 2, 1204].map { $0.counted("item") } == ["0 items", "1 item", "2 items", "1,204 items"])
  }
}
