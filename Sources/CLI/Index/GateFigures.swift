// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// What a gate measured and what it is held against, in words.
struct GateFigures {
  let reading: Retrieval_GateReading

  init(_ reading: Retrieval_GateReading) { self.reading = reading }

  /// "0.0213 [0.0080, 0.0500], at most 0.0020, on 340 samples"; nil from a server that tells its gates' details alone.
  var text: String? {
    guard reading.hasBound else { return nil }
    return "\(value)\(interval.map { " " + $0 } ?? ""), \(bound), \(samples)"
  }

  /// "0.0213 [0.0080, 0.0500] open", for a table of many.
  var cell: String { [value, interval, reading.verdict.word].compactMap(\.self).joined(separator: " ") }

  var value: String { reading.hasValue ? number(reading.value) : "nothing measured" }

  /// "[0.0080, 0.0500]"
  var interval: String? {
    guard reading.hasLower, reading.hasUpper else { return nil }
    return "[\(number(reading.lower)), \(number(reading.upper))]"
  }

  /// "at most 0.0020"
  var bound: String { "\(comparison) \(number(reading.bound))" }

  /// "on 40 of 100 samples"
  var samples: String {
    guard reading.samples < reading.requiredSamples else { return "on \(Int(reading.samples).counted("sample"))" }
    return "on \(Int(reading.samples).grouped) of \(Int(reading.requiredSamples).counted("sample"))"
  }

  private var comparison: String {
    switch reading.kind {
    case .overlap, .outcome: "at least"
    case .sampleRatio: "planned"
    case .errors, .latency, .unspecified, .UNRECOGNIZED: "at most"
    }
  }

  private func number(_ value: Double) -> String {
    switch reading.kind {
    case .overlap: value.rounded(to: 3)
    case .latency: value.rounded(to: 2) + " times"
    case .sampleRatio: (value * 100).rounded(to: 1) + "%"
    case .outcome: (value >= 0 ? "+" : "") + (value * 100).rounded(to: 2) + "%"
    case .errors, .unspecified, .UNRECOGNIZED: value.rounded(to: 4)
    }
  }
}
