// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import CLI
@testable import Datasets

@Suite("Data commands tell what they did")
struct DataReportTests {
  private static let dataset = Dataset(
    items: (0..<3).map { Dataset.Item(id: "i\($0)") },
    users: [
      Dataset.User(id: "a", items: [0, 1, 2, 0], negatives: []), Dataset.User(id: "b", items: [0, 1, 2]),
    ])

  @Test
  func `A histogram's bars are as long as their counts, and fit the line`() {
    let histogram = Histogram(
      title: "t", unit: "u", counted: "user",
      bins: [
        .init(range: 0...0, count: 0), .init(range: 1...1, count: 1), .init(range: 2...1_023, count: 1_000),
        .init(range: 1_024...2_047, count: 500),
      ])
    let lines = histogram.lines(columns: 60)
    #expect(lines[0] == "            0  0")
    // One of a thousand is still seen.
    #expect(lines[1] == "            1 ▏ 1")
    #expect(lines.map { $0.count }.max() == lines[2].count)
    #expect(lines[2].count <= 60)
    #expect(lines[2].count { $0 == "█" } == 2 * lines[3].count { $0 == "█" } || lines[3].contains("▌"))
    #expect(lines[2].hasSuffix(" 1,000"))
  }

  @Test
  func `The page holds the figures and both plots, and escapes what comes from files`() throws {
    var record = DatasetRecord()
    record.source = "<raw>"
    let page = StatisticsReport(DatasetStatistics(Self.dataset)).page(of: "a&b", record: record)
    #expect(page.contains("<h1><bdi>Data of a&amp;b</bdi></h1>"))
    #expect(page.contains("&lt;raw&gt;") && !page.contains("<raw>"))
    #expect(page.components(separatedBy: "<svg").count == 3)
    #expect(page.contains("<th scope=\"row\">density</th><td>100.0000 %</td>"))
    // Nothing is fetched: what is opened from a mail or a ticket must look the same.
    #expect(!page.contains("http://") && !page.contains("https://"))
  }

  @Test
  func `The statistics come as JSON`() throws {
    let text = try JSONOutput.text(StatisticsReport(DatasetStatistics(Self.dataset)).document)
    let object = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["users"] as? Int == 2)
    #expect(object["interactions"] as? Int == 7)
    let lengths = try #require(object["history_length"] as? [String: Any])
    #expect(lengths["mean"] as? Double == 3.5)
    #expect((lengths["histogram"] as? [[String: Int]])?.map { $0["count"] } == [1, 1])
  }

  @Test
  func `The options of prepare arrive, and their defaults are the published code's`() throws {
    let defaults = try DataPrepareCommand.parse(["in", "--out", "o"])
    #expect(defaults.arguments.options == PreparationOptions())
    let command = try DataPrepareCommand.parse([
      "in", "--out", "o", "--image-check", "exists", "--empty-descriptions", "drop", "--k-core", "10", "--copy-images",
      "--seed", "7", "--ignore-split",
    ])
    let options = command.arguments.options
    #expect(options.imageCheck == .exists && options.emptyDescriptions == .drop && options.placement == .copy)
    #expect(options.kCore == 10 && options.seed == 7 && options.ignoresSplit)
  }

  @Test(arguments: [
    ["--k-core", "-1"], ["--least-interactions", "2"], ["--split", "x", "--ignore-split"],
    ["--image-check", "maybe"],
  ])
  func `Options that contradict or mean nothing are refused`(options: [String]) {
    #expect(throws: (any Error).self) { try DataPrepareCommand.parse(["in", "--out", "o"] + options) }
  }

  @Test
  func `What was dropped stands beside what is left, and bad lines are shown`() throws {
    try withTemporaryDirectory { directory in
      let items = (0..<8).map { "{\"item_id\": \($0), \"image\": \"\($0).jpg\"}" } + ["not json"]
      try Data(items.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: directory + "/items.jsonl"))
      let rows = (0..<6).flatMap { user in (0..<6).map { "u\(user),\($0)" } }
      try Data((["user_id,item_id"] + rows).joined(separator: "\n").utf8)
        .write(to: URL(fileURLWithPath: directory + "/interactions.csv"))
      var options = PreparationOptions()
      (options.imageCheck, options.negatives) = (.off, 0)
      let (dataset, report) = try Preparation(
        source: DataSource(detecting: directory), options: options, decodingImagesWith: { _ in nil }
      ).run(into: directory + "/out")
      let summary = PreparationSummary(
        output: "out", report: report, statistics: DatasetStatistics(dataset), duration: .seconds(1))
      let path = directory + "/summary.txt"
      let descriptor = open(path, O_WRONLY | O_CREAT, 0o644)
      summary.write(to: Terminal(descriptor: descriptor, isInteractive: false, usesColour: false))
      close(descriptor)
      let text = try String(contentsOfFile: path, encoding: .utf8)
      let core = try #require(text.split(separator: "\n").first { $0.hasPrefix("5-core") })
      #expect(core.split(separator: " ").dropFirst() == ["6", "6", "36", "-", "2", "-"])
      #expect(text.contains("1 line could not be used:\n  \(directory)/items.jsonl:9: not a JSON object"))
      #expect(try summary.json().contains("\"bad_lines\": 1"))
    }
  }
}
