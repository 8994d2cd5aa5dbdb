import Evaluation
import Foundation
import Testing

@testable import CLI

@Suite struct ReportTests {
  private static let hostile = "<script>alert(\"&\")</script>"

  private static func result(_ name: String = "img") -> StudyResult {
    StudyResult(
      study: name, axis: .init("share \(name)", unit: "share"),
      series: [
        .init(
          name: name, metric: "Hit@5",
          points: [0, 0.5, 1].map { .init(x: $0, Estimate(value: 0.4 - $0 / 4, low: 0.3 - $0 / 4, high: 0.5)) })
      ], settings: [.init("command", name)], data: name)
  }

  @Test func aStudyIsReadBackAndDrawn() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/r.json"
    try OutputFile.write(Self.result().json, to: path)
    let page = String(decoding: ReportPage(results: [try ReportSource(path: path)]).data, as: UTF8.self)
    #expect(page.contains("<svg") && page.contains("<title>Hit@5 over share img</title>"))
    #expect(page.contains("0.400 ± 0.100") && page.contains("How this was made"))
    #expect(!page.contains("http://") && !page.contains("https://"))
  }

  @Test func whatAFileSaysIsNoMarkup() throws {
    let page = String(decoding: ReportPage(results: [.study(Self.result(Self.hostile))]).data, as: UTF8.self)
    #expect(!page.contains("<script") && page.contains("&lt;script&gt;"))
  }

  @Test(arguments: [
    ("{\"format\": \"illmrec-study-1\", \"study\": \"x\"", "ends too early"),
    ("{\"format\": \"illmrec-study-1\"}", "\"study\" is missing"), ("{}", "\"data\" is missing"),
    ("[1]", "of another kind"),
    ("", "ends too early"),
    (
      "{\"format\":\"other\",\"study\":\"\",\"axis\":{\"name\":\"\",\"unit\":\"\"},\"series\":[],\"settings\":[],\"data\":\"\"}",
      "this version reads"
    ),
  ]) func foreignFilesAreNamed(text: String, word: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/foreign.json"
    try OutputFile.write(Data(text.utf8), to: path)
    #expect { try ReportSource(path: path) } throws: {
      let message = ($0 as? CLIError)?.message ?? ""
      return message.contains(path) && message.contains(word) && message.contains("study --json")
    }
  }

  @Test func aRunWithoutCurvesIsNamed() throws {
    let directory = try TemporaryDirectory()
    #expect { try ReportSource(path: directory.path) } throws: {
      (($0 as? CLIError)?.message ?? "").contains("losses.csv")
    }
  }
}
