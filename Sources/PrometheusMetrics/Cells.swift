// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Synchronization

/// One series' value. Written from any thread without a lock.
protocol Cell: AnyObject, Sendable {
  /// Appends the series' lines.
  func write(_ name: String, _ labels: LabelText, to out: inout ExpositionText)
}

final class CounterCell: Cell, CounterHandler {
  private let count = Atomic<Int64>(0)

  /// A counter never goes down; what would take it down is no count.
  func increment(by amount: Int64) {
    if amount > 0 { count.wrappingAdd(amount, ordering: .relaxed) }
  }

  func reset() { count.store(0, ordering: .relaxed) }

  func write(_ name: String, _ labels: LabelText, to out: inout ExpositionText) {
    out.sample(name, labels, Double(count.load(ordering: .relaxed)))
  }
}

final class GaugeCell: Cell, RecorderHandler, MeterHandler {
  private let value = AtomicDouble()

  func record(_ value: Int64) { self.value.store(Double(value)) }
  func record(_ value: Double) { self.value.store(value) }
  func set(_ value: Int64) { self.value.store(Double(value)) }
  func set(_ value: Double) { self.value.store(value) }
  func increment(by amount: Double) { value.add(amount) }
  func decrement(by amount: Double) { value.add(-amount) }

  func write(_ name: String, _ labels: LabelText, to out: inout ExpositionText) {
    out.sample(name, labels, value.load())
  }
}

final class HistogramCell: Cell, RecorderHandler, TimerHandler {
  private let bounds: [Double]
  /// One for each bound and one for what is above them all; owned. What it points to is atomic.
  nonisolated(unsafe) private let counts: UnsafeMutablePointer<Atomic<UInt64>>
  private let sum = AtomicDouble()

  init(bounds: [Double]) {
    self.bounds = bounds
    counts = .allocate(capacity: bounds.count + 1)
    for place in 0...bounds.count { (counts + place).initialize(to: Atomic(0)) }
  }

  deinit {
    counts.deinitialize(count: bounds.count + 1)
    counts.deallocate()
  }

  func record(_ value: Int64) { record(Double(value)) }

  /// What is no number would make the sum none for ever: it is left out.
  func record(_ value: Double) {
    guard value.isFinite else { return }
    let place = bounds.firstIndex { value <= $0 } ?? bounds.count
    sum.add(value)
    counts[place].wrappingAdd(1, ordering: .relaxed)
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

  /// The count is that of the buckets read here, so that the lines agree with each other while others write.
  func write(_ name: String, _ labels: LabelText, to out: inout ExpositionText) {
    var count: UInt64 = 0
    for place in 0...bounds.count {
      count += counts[place].load(ordering: .relaxed)
      let bound = place < bounds.count ? ExpositionText.number(bounds[place]) : "+Inf"
      out.bucket(name, labels, bound: bound, Double(count))
    }
    out.sample(name + "_sum", labels, sum.load())
    out.sample(name + "_count", labels, Double(count))
  }
}

/// A number that threads add to.
final class AtomicDouble: Sendable {
  private let bits = Atomic<UInt64>(0)

  func load() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  func add(_ amount: Double) {
    var old = bits.load(ordering: .relaxed)
    while true {
      let new = (Double(bitPattern: old) + amount).bitPattern
      let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
      if exchanged { return }
      old = original
    }
  }
}
