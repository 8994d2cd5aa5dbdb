// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Testing

@testable import PrometheusMetrics

@Suite("Metrics hold under many threads and many labels") struct RegistryLoadTests {
  private func text(_ registry: PrometheusRegistry) -> String { String(decoding: registry.text(), as: UTF8.self) }

  @Test func `A name has no more series than it may, and sums stay right`() {
    let registry = PrometheusRegistry([], maxSeries: 100)
    for number in 0..<1000 {
      Counter(label: "calls_total", dimensions: [("user", "\(number)")], factory: registry).increment()
    }
    Counter(label: "calls_total", dimensions: [("user", "7")], factory: registry).increment()
    let lines = text(registry).split(separator: "\n").filter { $0.hasPrefix("calls_total{") }
    #expect(lines.count == 101)
    #expect(lines.contains("calls_total{overflow=\"true\"} 900"))
    #expect(lines.contains("calls_total{user=\"7\"} 2"))
    #expect(text(registry).contains("\(PrometheusRegistry.droppedName){metric=\"calls_total\"} 900\n"))
  }

  @Test func `What is read at a scrape is bounded too`() {
    let registry = PrometheusRegistry([], maxSeries: 10)
    registry.add { (0..<15).map { MetricSample("items", [("index", "\($0)")], 1) } }
    let text = text(registry)
    #expect(text.split(separator: "\n").filter { $0.hasPrefix("items{") }.count == 10)
    #expect(text.contains("\(PrometheusRegistry.droppedName){metric=\"items\"} 5\n"))
  }

  @Test func `No count is lost when threads count at once`() async {
    let registry = PrometheusRegistry([MetricDescription(.histogram, "size", buckets: [1], "Size.")])
    await withTaskGroup { group in
      for _ in 0..<8 { group.addTask { count(10_000, in: registry) } }
    }
    let text = text(registry)
    #expect(text.contains("calls_total 80000\n"))
    #expect(text.contains("in_flight 0\n"))
    #expect(text.contains("size_sum 160000\nsize_count 80000\n"))
  }

  @Test func `A scrape sees whole lines while ten thousand series are made`() async {
    let registry = PrometheusRegistry([], maxSeries: 20_000)
    let texts = await withTaskGroup(of: [String].self) { group in
      for worker in 0..<4 {
        group.addTask {
          makeSeries(2500, of: worker, in: registry)
          return []
        }
      }
      group.addTask { (0..<20).map { _ in text(registry) } }
      return await group.reduce(into: []) { $0 += $1 }
    }
    let counts = texts.map { $0.split(separator: "\n").filter { $0.hasPrefix("calls_total{") }.count }
    #expect(counts == counts.sorted())
    #expect(texts.allSatisfy { $0.isEmpty || $0.hasSuffix(" 1\n") })
    #expect(text(registry).split(separator: "\n").filter { $0.hasPrefix("calls_total{") }.count == 10_000)
  }
}

private func count(_ times: Int, in registry: PrometheusRegistry) {
  let calls = Counter(label: "calls_total", factory: registry)
  let inFlight = Meter(label: "in_flight", factory: registry)
  let sizes = Recorder(label: "size", factory: registry)
  for _ in 0..<times {
    inFlight.increment()
    calls.increment()
    sizes.record(2)
    inFlight.decrement()
  }
}

private func makeSeries(_ count: Int, of worker: Int, in registry: PrometheusRegistry) {
  for number in 0..<count {
    Counter(label: "calls_total", dimensions: [("series", "\(worker) \(number)")], factory: registry).increment()
  }
}
