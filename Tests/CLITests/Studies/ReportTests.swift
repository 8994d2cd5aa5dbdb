// SPDX-License-Identifier: Apache-2.0

import Evaluation
import Foundation
import Pages
import TestSupport
import Testing
import Training

@testable import CLI

@Suite("Results become a report") struct ReportTests {
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

  @Test func `A study is read back and drawn`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/r.json"
    try OutputFile.write(Self.result().json, to: path)
    let page = String(decoding: ReportPage(results: [try ReportSource(path: path)]).data, as: UTF8.self)
    #expect(page.contains("<svg") && page.contains("<title>Hit@5 over share img</title>"))
    #expect(page.contains("0.400 ± 0.100") && page.contains("How this was made"))
    #expect(!page.contains("http://") && !page.contains("https://"))
  }

  @Test func `What a file says is no markup`() throws {
    let page = String(decoding: ReportPage(results: [.study(Self.result(Self.hostile))]).data, as: UTF8.self)
    #expect(!page.contains("<script") && page.contains("&lt;script&gt;"))
  }

  @Test(arguments: [
    ("{\"format\": \"illmrec-study-1\", \"study\": \"x\"", "cut off"),
    ("{\"format\": \"illmrec-study-1\"}", "lacks \"study\""), ("{}", "lacks \"data\""),
    ("[1]", "is not an object"),
    ("", "cut off"),
    (
      "{\"format\":\"other\",\"study\":\"\",\"axis\":{\"name\":\"\",\"unit\":\"\"},\"series\":[],\"settings\":[],\"data\":\"\"}",
      "this version reads"
    ),
  ]) func `Foreign files are named`(text: String, word: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/foreign.json"
    try OutputFile.write(Data(text.utf8), to: path)
    #expect { try ReportSource(path: path) } throws: {
      let message = ($0 as? CLIError)?.message ?? ""
      return message.contains(path) && message.contains(word) && message.contains("study --json")
    }
  }

  @Test func `Places stand where their amounts are`() throws {
    let lengths = [1.0, 2, 3, 51, 101]
    let series = StudyResult.Series(
      name: "img", metric: "Hit@5", points: lengths.map { .init(x: $0, Estimate(value: 0.5, low: 0.4, high: 0.6)) })
    let svg = StudyChart(title: "Hit@5", axis: .init("newest items", unit: "items"), series: [series]).figure.html
    let marks = svg.matches(of: /cx="([0-9.]+)"/).compactMap { Double($0.1) }
    // The plot is 758 wide: 100 items.
    #expect(marks == [70, 77.6, 85.2, 449, 828])
    let labels = svg.matches(of: /class="axis middle"[^>]*>([^<]+)</).map { String($0.1) }
    #expect(labels == ["101", "51", "3", "newest items"])
    let alone = StudyChart(
      title: "Hit@5", axis: .init("a", unit: ""),
      series: [.init(name: "img", metric: "Hit@5", points: Array(series.points.prefix(1)))]
    ).figure.html
    #expect(alone.contains("cx=\"449.0\""))
  }

  @Test func `Differences of an evaluation are shown`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/table.json"
    let figure = "{\"value\": 0.1, \"low\": 0.05, \"high\": 0.15, \"p\": 0.004}"
    func document(_ differences: String, seconds: String = "seconds_per_100_users") -> Data {
      Data(
        """
        {"data": "d", "part": "test", "candidates": "negatives", "users": 3, "resamples": 10, \(differences) "methods": [{"name":
        "img", "note": "n", "seeds": [], "metrics": {"Hit@5": \(figure)}, "coverage": 0.5, "\(seconds)": 1}]}
        """.utf8)
    }
    try OutputFile.write(
      document("\"differences\": [{\"method\": \"img\", \"against\": \"<b>\", \"metrics\": {\"Hit@5\": \(figure)}}],"),
      to: path)
    let page = String(decoding: ReportPage(results: [try ReportSource(path: path)]).data, as: UTF8.self)
    #expect(page.contains("<td>img</td><td>&lt;b&gt;</td><td>+0.100 ± 0.050, p 0.004</td>"))
    // What earlier versions wrote has none, and camelCase names.
    try OutputFile.write(document("", seconds: "secondsPer100Users"), to: path)
    #expect(
      !String(decoding: ReportPage(results: [try ReportSource(path: path)]).data, as: UTF8.self).contains("difference"))
  }

  @Test func `A run is told by its figures`() throws {
    let directory = try TemporaryDirectory()
    try OutputFile.write(
      Data("step,loss,ire,ila,gradient_norm,seconds\n1,3,3,0,1,1\n2,1,1,0,1,61\n".utf8),
      to: directory.path + "/losses.csv")
    try OutputFile.write(
      Data("step,hit@5,ndcg@5,seconds\n1,0.25,0.125,1\n2,0.5,0.25,2\n3,0.25,0.5,3\n".utf8),
      to: directory.path + "/validation.csv")
    let document = try TrainingDocument(RunDirectory(directory.path))
    #expect(
      document.facts == [
        .init("steps", "2"), .init("time", "1 min 1 s"), .init("loss", "2.0000, mean of the last 2 steps"),
        .init("best validation", "Hit@5 0.5000, NDCG@5 0.2500 after step 2"),
        .init("last validation", "Hit@5 0.2500, NDCG@5 0.5000 after step 3"),
      ])
    #expect(document.settings.isEmpty && document.charts.count == 3)
  }

  @Test func `A run without curves is named`() throws {
    let directory = try TemporaryDirectory()
    #expect { try ReportSource(path: directory.path) } throws: {
      (($0 as? CLIError)?.message ?? "").contains("losses.csv")
    }
  }
}
