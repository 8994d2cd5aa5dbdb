// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Synchronization
import Testing

@testable import PrometheusMetrics

@Suite("Metrics are exported as Prometheus reads them") struct ExpositionTests {
  private let registry = PrometheusRegistry([
    MetricDescription(.counter, "calls_total", labels: ["method"], "Calls that\nended; a \\ stays."),
    MetricDescription(.histogram, "call_seconds", buckets: [0.1, 1], "Time of a call, in seconds."),
    MetricDescription(.histogram, "batch_size", buckets: [1, 2, 4], "Elements of a batch."),
    MetricDescription(.gauge, "queue_bytes", "What waits, in bytes."),
    MetricDescription(.gauge, "in_flight", "Calls being handled."),
    MetricDescription(.gauge, "read_items", "Items."),
  ])

  private var text: String { String(decoding: registry.text(), as: UTF8.self) }

  private func counter(_ name: String, _ labels: [(String, String)] = []) -> Counter {
    Counter(label: name, dimensions: labels, factory: registry)
  }

  @Test func `Nothing is exported before anything is made`() {
    #expect(text.isEmpty)
  }

  @Test func `Each kind has its lines, sorted, with help and type`() {
    counter("calls_total", [("method", "b"), ("code", "OK")]).increment(by: 3)
    counter("calls_total", [("code", "OK"), ("method", "a")]).increment()
    Gauge(label: "queue_bytes", factory: registry).record(1.5)
    let inFlight = Meter(label: "in_flight", factory: registry)
    inFlight.increment(by: 2.0)
    inFlight.decrement(by: 1.0)
    let timer = Timer(label: "call_seconds", dimensions: [("method", "a")], factory: registry)
    timer.recordMilliseconds(50)
    timer.recordMilliseconds(100)
    timer.recordSeconds(2)
    let sizes = Recorder(label: "batch_size", factory: registry)
    for size in [1, 3, 9] { sizes.record(size) }
    registry.add { [MetricSample("read_items", [("version", "v1")], 600)] }
    #expect(
      text == """
        # HELP batch_size Elements of a batch.
        # TYPE batch_size histogram
        batch_size_bucket{le="1"} 1
        batch_size_bucket{le="2"} 1
        batch_size_bucket{le="4"} 2
        batch_size_bucket{le="+Inf"} 3
        batch_size_sum 13
        batch_size_count 3
        # HELP call_seconds Time of a call, in seconds.
        # TYPE call_seconds histogram
        call_seconds_bucket{method="a",le="0.1"} 2
        call_seconds_bucket{method="a",le="1"} 2
        call_seconds_bucket{method="a",le="+Inf"} 3
        call_seconds_sum{method="a"} 2.15
        call_seconds_count{method="a"} 3
        # HELP calls_total Calls that\\nended; a \\\\ stays.
        # TYPE calls_total counter
        calls_total{code="OK",method="a"} 1
        calls_total{code="OK",method="b"} 3
        # HELP in_flight Calls being handled.
        # TYPE in_flight gauge
        in_flight 1
        # HELP queue_bytes What waits, in bytes.
        # TYPE queue_bytes gauge
        queue_bytes 1.5
        # HELP read_items Items.
        # TYPE read_items gauge
        read_items{version="v1"} 600

        """)
  }

  @Test func `A label's value is escaped by its bytes, whatever follows a quote`() {
    counter("calls_total", [("method", "a\"\u{301}b\\c\nd}e")]).increment()
    #expect(text.contains(#"calls_total{method="a\"\#u{301}b\\c\nd}e"} 1"#))
    #expect(text.split(separator: "\n").count == 3)
  }

  @Test func `Two spellings that look the same are two series`() {
    counter("calls_total", [("method", "\u{e9}")]).increment(by: 1)
    counter("calls_total", [("method", "e\u{301}")]).increment(by: 2)
    let lines = text.utf8.split(separator: UInt8(ascii: "\n")).filter { $0.starts(with: "calls_total{".utf8) }
    #expect(lines.map { $0.last } == [UInt8(ascii: "2"), UInt8(ascii: "1")])
  }

  @Test func `Names take the letters that Prometheus has, and what it keeps for itself is left out`() {
    counter("9 calls-per.day", [("a-b", "1"), ("__name__", "x"), ("le", "5"), ("a_b", "2")]).increment()
    #expect(text.hasSuffix("# TYPE _9_calls_per_day counter\n_9_calls_per_day{a_b=\"1\"} 1\n"))
  }

  @Test func `A counter never goes down, and what is no number is no observation`() {
    let calls = counter("calls_total")
    calls.increment(by: 5)
    calls.increment(by: -3)
    let sizes = Recorder(label: "batch_size", factory: registry)
    for size in [Double.nan, .infinity, 2] { sizes.record(size) }
    #expect(text.contains("\ncalls_total 5\n"))
    #expect(text.contains("batch_size_sum 2\nbatch_size_count 1\n"))
  }

  @Test(
    arguments: [
      (0, "0"), (-3, "-3"), (0.001, "0.001"), (1e15, "1000000000000000"), (1e300, "1e+300"), (.infinity, "+Inf"),
      (-.infinity, "-Inf"), (.nan, "NaN"), (0.1 + 0.2, "0.30000000000000004"),
    ] as [(Double, String)]) func `Numbers are written as Go reads them`(value: Double, text: String)
  {
    #expect(ExpositionText.number(value) == text)
  }

  @Test func `A metric that is described as another kind is not exported, and counted`() {
    Gauge(label: "calls_total", factory: registry).record(7)
    #expect(!text.contains("\ncalls_total"))
    #expect(text.hasSuffix("\(PrometheusRegistry.droppedName){metric=\"calls_total\"} 1\n"))
  }

  @Test func `Two readers that name one series leave the text readable`() {
    for value in [1.0, 2.0] { registry.add { [MetricSample("read_items", [], value)] } }
    #expect(text.contains("gauge\nread_items 1\n"))
    #expect(!text.contains("read_items 2"))
  }

  @Test func `The process tells its memory, descriptors, threads and start under the usual names`() throws {
    let samples = Dictionary(uniqueKeysWithValues: ProcessMetrics.samples().map { ($0.name, $0.value) })
    #expect(Set(samples.keys) == Set(ProcessMetrics.descriptions.map(\.name)))
    #expect(try #require(samples["process_resident_memory_bytes"]) > 1e6)
    #expect(try #require(samples["process_open_fds"]) >= 3)
    #expect(try #require(samples["process_threads"]) >= 1)
    #expect(try #require(samples["process_start_time_seconds"]) > 1.7e9)
  }
}
