// SPDX-License-Identifier: Apache-2.0

package import CoreMetrics
import Synchronization

/// Keeps the metrics of a process for Prometheus: a backend of swift-metrics.
///
/// A metric is made under a lock and counts without one, so whoever counts often makes it once and keeps it. Series are never
/// taken away: a counter that began again at zero would look like a restart. So that their number stays bounded whatever
/// labels hold, a name has at most `maxSeries`; what comes after goes into one series, `{overflow="true"}`, so that sums stay
/// right, and ``droppedName`` counts it.
package final class PrometheusRegistry: Sendable {
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"
  package static let droppedName = "illmrec_metrics_dropped_series_total"

  /// Reads values at a scrape: what the process knows already, without the disk and without waiting. Called on the thread of the
  /// scrape.
  package typealias Reader = @Sendable () -> [MetricSample]

  private let descriptions: [String: MetricDescription]
  private let maxSeries: Int
  private let families = Mutex<[String: MetricFamily]>([:])
  private let readers = Mutex<[Reader]>([])

  /// - Parameter descriptions: of the metrics that are known; any other is exported with its name for a help.
  package init(_ descriptions: [MetricDescription], maxSeries: Int = 1000) {
    self.descriptions = Dictionary(descriptions.map { ($0.name, $0) }) { first, _ in first }
    self.maxSeries = maxSeries
  }

  /// Has `reader` asked at every scrape from now on.
  package func add(_ reader: @escaping Reader) { readers.withLock { $0.append(reader) } }

  /// Every series, sorted by name and labels.
  package func text() -> [UInt8] {
    var samples: [String: [LabelText: Double]] = [:]
    for reader in readers.withLock(\.self) {
      for sample in reader() { add(sample, to: &samples) }
    }
    let families = families.withLock { families in
      for name in samples.keys where families[name] == nil {
        families[name] = MetricFamily(description(name, .gauge))
      }
      return families
    }
    var out = ExpositionText()
    for (name, family) in families.sorted(by: { $0.key < $1.key }) { family.write(samples[name] ?? [:], to: &out) }
    return out.bytes
  }

  private func add(_ sample: MetricSample, to samples: inout [String: [LabelText: Double]]) {
    let name = LabelText.metricName(sample.name)
    let labels = LabelText(sample.labels)
    guard samples[name, default: [:]].count < maxSeries else { return countDropped(name) }
    // Two readers that name one series would make the whole text unreadable: the first counts.
    if samples[name]?[labels] == nil { samples[name, default: [:]][labels] = sample.value }
  }

  private func description(_ name: String, _ kind: MetricDescription.Kind) -> MetricDescription {
    descriptions[name] ?? MetricDescription(kind, name, name)
  }

  /// A series of a name that is described as another kind, or that stands as one, is kept for nobody.
  private func cell<Made: Cell>(
    _ label: String, _ dimensions: [(String, String)], _ kind: MetricDescription.Kind,
    make: (MetricDescription) -> Made
  ) -> Made {
    let name = LabelText.metricName(label)
    let described = description(name, kind)
    guard described.kind == kind else {
      countDropped(name)
      return make(MetricDescription(kind, name, name))
    }
    let labels = LabelText(dimensions)
    let found = families.withLock {
      $0[name, default: MetricFamily(described)].cell(labels, room: maxSeries) { make(described) }
    }
    if found?.isOverflow ?? true, name != Self.droppedName { countDropped(name) }
    return found?.cell ?? make(described)
  }

  private func countDropped(_ name: String) {
    cell(Self.droppedName, [("metric", name)], .counter) { _ in CounterCell() }.increment(by: 1)
  }
}

extension PrometheusRegistry: MetricsFactory {
  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    cell(label, dimensions, .counter) { _ in CounterCell() }
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    cell(label, dimensions, .gauge) { _ in GaugeCell() }
  }

  package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    aggregate
      ? cell(label, dimensions, .histogram) { HistogramCell(bounds: $0.buckets) }
      : cell(label, dimensions, .gauge) { _ in GaugeCell() } as any RecorderHandler
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    cell(label, dimensions, .histogram) { HistogramCell(bounds: $0.buckets) }
  }

  package func destroyCounter(_ handler: any CounterHandler) {}
  package func destroyMeter(_ handler: any MeterHandler) {}
  package func destroyRecorder(_ handler: any RecorderHandler) {}
  package func destroyTimer(_ handler: any TimerHandler) {}
}
