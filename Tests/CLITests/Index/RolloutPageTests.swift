// SPDX-License-Identifier: Apache-2.0

import Foundation
import Pages
import ServiceAPI
import SwiftProtobuf
import TestSupport
import Testing

@testable import CLI

@Suite("A rollout's page tells the plan, what was measured, and who did what")
struct RolloutPageTests {
  @Test
  func `The plan stands with its stages, thresholds, samples and what happens otherwise`() {
    var page = SamplePages.rollout("click", readings: 3)
    page.report.rollout.plan = .with {
      $0.stages = [
        .with {
          ($0.shadowPermille, $0.minSamples, $0.minDuration.seconds) = (1000, 1000, 600)
        }, .with { ($0.canaryPermille, $0.manual) = (5, true) },
        .with { ($0.canaryPermille, $0.minSamples) = (100, 0) },
      ]
      ($0.gates.minOverlap, $0.gates.maxErrorRatio, $0.gates.maxLatencyRatio) = (0.5, 2, 1.5)
      ($0.gates.minSamples, $0.gates.errorNonInferiority) = (100, true)
      $0.gates.outcomes = [.with { ($0.kind, $0.maxDrop, $0.minTrials) = ("click", 0.01, 500) }]
    }
    let html = page.html
    for row in [
      "<td>1</td><td>shadow</td><td>100%</td><td>10 min 0 s</td><td>1,000</td><td>by itself</td>",
      "<td>2</td><td>0.5%</td><td>0%</td><td>0 ms</td><td>100</td><td>by a person</td>",
      "<td>none: by time alone</td>", "<td>mean overlap@k at least 0.500</td><td>rolled back</td><td>100</td>",
      "<td>error rate at most 2.00 times stable&#39;s, or 0.001 where that is less</td><td>held until it is proven",
      "<td>p99 of search time at most 1.50 times stable&#39;s, or 1 ms</td>",
      "<td>outcome click</td><td>rate lower by at most 1.00%</td><td>rolled back once it is proven</td>"
        + "<td>500 answers of each version</td>",
    ] { #expect(html.contains(row), "\(row)") }
  }

  @Test
  func `Every change and every reading stands with its moment in UTC`() {
    let html = SamplePages.rollout("click", readings: 3).html
    #expect(html.contains("Began 2026-11-29 20:40:11 UTC"))
    #expect(html.contains("<td>7</td><td>2026-11-29 20:40:12</td><td>paused</td>"))
    for second in 11...13 { #expect(html.contains("<tr><td>2026-11-29 20:40:\(second)</td><td>"), "\(second)") }
    #expect(html.contains("<summary>3 readings</summary>"))
  }

  @Test
  func `What a gate rests on is drawn with its band, its bound, its dashes and its name`() {
    let html = SamplePages.rollout("click", readings: 3).html
    // Overlap, search time, the gate of errors and that of clicks; the kind's own figures are the gate's.
    #expect(html.components(separatedBy: "<figure>").count == 5)
    #expect(html.contains("Candidate&#39;s error rate") && html.contains("class=\"band s2\""))
    #expect(html.contains("class=\"direct start\"") && html.contains(">most allowed</text>"))
    // The two readings of the first stage are a line, that of the second a dot with a whisker.
    #expect(html.contains("class=\"mark s2\"") && html.contains("class=\"whisker s2\""))
    #expect(html.contains("<td>0.0200 [0.0100, 0.5000] open</td>"))
  }

  @Test
  func `Reports of earlier releases, without gates, show the kinds of outcomes`() {
    var page = SamplePages.rollout("click", readings: 3)
    for place in page.report.points.indices { page.report.points[place].gates = [] }
    #expect(page.html.components(separatedBy: "<figure>").count == 4)
    #expect(page.html.contains("click: candidate&#39;s rate − stable&#39;s"))
  }

  @Test(arguments: [0, 1, 2, 2000])
  func `Any number of readings makes a page`(count: Int) throws {
    let html = SamplePages.rollout("click", readings: count).html
    #expect(html.contains("Nothing was measured.") == (count == 0))
    #expect(html.contains("<circle") == (count > 0))
    #expect(!html.contains("nan") && !html.contains("inf\""))
    let directory = try TemporaryDirectory()
    let page = try ParsedPage.parse(html, in: directory.path)
    #expect(page.elements.count { $0.tag == "tr" } >= count)
  }

  @Test
  func `Clocks that went back, and figures that are no numbers, keep the drawing in its frame`() throws {
    var page = SamplePages.rollout("click", readings: 4)
    page.report.points[2].time.seconds -= 3600
    (page.report.points[3].baseline.p99Micros, page.report.points[3].meanOverlap) = (.infinity, .nan)
    let html = page.html
    for match in html.matches(of: /M([0-9.-]+) ([0-9.-]+)/) {
      let (x, y) = (Double(match.1) ?? -1, Double(match.2) ?? -1)
      #expect((0...860).contains(x) && (0...240).contains(y))
    }
  }
}

@Suite("Lines of a chart are told apart")
struct LineChartTests {
  private static func chart(_ names: [String], values: [Double?]) -> LineChart {
    LineChart(
      title: "t", unit: "", times: values.indices.map(Double.init), stages: [],
      lines: names.enumerated().map { .init(name: $1, style: "s\($0 + 1)", values: values) })
  }

  @Test
  func `Lines that lie on each other have dashes of their own, and names that do not`() {
    let marks = Self.chart(["a", "b", "c"], values: [1, 1, 1]).figure.marks
    let lines = marks.compactMap(\.path).filter { $0.style.hasPrefix("line") }
    #expect(lines.map(\.style) == ["line s1", "line s2", "line s3"] && Set(lines.map(\.outline)).count == 1)
    for style in 2...5 { #expect(HTMLPage.style.contains(".line.s\(style), .curve.s\(style) { stroke-dasharray:")) }
    let places = marks.compactMap(\.label).filter { $0.style.hasPrefix("direct") }.compactMap { Double($0.y) }.sorted()
    #expect(places.count == 3 && zip(places, places.dropFirst()).allSatisfy { $1 - $0 >= 12 })
  }

  @Test
  func `Moments of the axis do not stand on each other`() {
    let chart = LineChart(
      title: "t", unit: "", times: [0, 100], stages: [], lines: [.init(name: "a", style: "s1", values: [1, 2])]
    ) { _ in "2026-11-29 20:40:11" }
    let labels = chart.figure.marks.compactMap(\.label).filter { $0.text.hasPrefix("2026") }
    // Nineteen digits of 11 pixels are some 115 wide, and the first and last stand at their places with an end.
    let places = labels.compactMap { Double($0.x) }
    #expect(places.count == 4 && places[1] - places[0] > 115 * 1.5 && places[2] - places[1] > 115)
  }

  @Test
  func `A line ends where nothing was measured, and a value alone is a dot`() {
    let marks = Self.chart(["a"], values: [1, 2, nil, 3, nil, 1, 1]).figure.marks
    #expect(marks.compactMap(\.path).first { $0.style == "line s1" }?.outline.count { $0 == "M" } == 2)
    #expect(marks.compactMap(\.dot).count == 1)
    #expect(Self.chart(["a"], values: []).figure.marks.compactMap(\.dot).isEmpty)
  }
}
