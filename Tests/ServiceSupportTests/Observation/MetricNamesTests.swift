// SPDX-License-Identifier: Apache-2.0

import Foundation
import PrometheusMetrics
import Testing

@testable import ServiceSupport

@Suite("Metrics, their page, alerts and dashboard are of one mind") struct MetricNamesTests {
  private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private func text(_ path: String) throws -> String {
    try String(contentsOf: Self.repository.appending(path: path), encoding: .utf8)
  }

  /// Every name that a scrape may have, with those of a histogram's series.
  private static let exported = Set(
    MetricCatalog.all.flatMap { metric in
      metric.kind == .histogram ? ["_bucket", "_sum", "_count"].map { metric.name + $0 } : [metric.name]
    })

  private func names(in text: String) -> Set<String> {
    Set(text.matches(of: /\b(illmrec|process)_[a-z_]+\b/).map { String($0.output.0) })
  }

  @Test(arguments: ["deploy/prometheus/illmrec.rules.yml", "deploy/grafana/illmrec.json"])
  func `Alerts and dashboard name exported metrics alone`(path: String) throws {
    let named = names(in: try text(path))
    #expect(named.count > 5)
    #expect(named.subtracting(Self.exported).isEmpty)
  }

  @Test func `Alerts and dashboard choose by labels that the metric has`() throws {
    let common: Set = ["job", "instance", "le"]
    for path in ["deploy/prometheus/illmrec.rules.yml", "deploy/grafana/illmrec.json"] {
      let text = try text(path).replacing("\\\"", with: "\"")
      for match in text.matches(of: /\b((?:illmrec|process)_[a-z_]+)\{([^}]*)\}/) {
        let name = match.output.1.replacing(/_(bucket|sum|count)$/, with: "")
        let metric = MetricCatalog.all.first { $0.name == name }
        for label in match.output.2.matches(of: /([a-z_]+)(?:=~|!~|!=|=)/) {
          let label = String(label.output.1)
          #expect(common.contains(label) || metric?.labels.contains(label) == true, "\(name) has no label \(label)")
        }
      }
    }
  }

  @Test func `The page has a row for each metric, and a runbook for each alert`() throws {
    let page = try text("docs/operations.md")
    let rows = MetricCatalog.areas.flatMap { area in
      ["### \(area.title)"]
        + area.metrics.map { "| `\($0.name)` | \($0.kind) | \($0.labels.joined(separator: ", ")) | \($0.help) |" }
    }
    for row in rows { #expect(page.contains("\n\(row)\n"), "docs/operations.md lacks: \(row)") }
    #expect(page.matches(of: /\n\| `(illmrec|process)_/).count == MetricCatalog.all.count)
    for alert in try text("deploy/prometheus/illmrec.rules.yml").matches(of: /alert: (\w+)/) {
      #expect(page.contains("\n### \(alert.output.1)\n"))
    }
  }

  @Test func `Names follow Prometheus' rules`() {
    #expect(Set(MetricCatalog.all.map(\.name)).count == MetricCatalog.all.count)
    for metric in MetricCatalog.all {
      #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"), "\(metric.name)")
      #expect(metric.name.hasPrefix("illmrec_") || metric.name.hasPrefix("process_"))
      #expect(metric.help.hasSuffix("."), "\(metric.name)")
      #expect(metric.buckets == metric.buckets.sorted() && metric.buckets.isEmpty == (metric.kind != .histogram))
    }
  }

  @Test func `Reasons of another release are one label`() {
    #expect(ElementRefusals.label(of: "QUEUE_FULL") == "QUEUE_FULL")
    #expect(ElementRefusals.label(of: "user \u{1F600} 123") == "OTHER")
  }
}
