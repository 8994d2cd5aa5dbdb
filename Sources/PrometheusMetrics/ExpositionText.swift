// SPDX-License-Identifier: Apache-2.0

/// Prometheus' text format, version 0.0.4.
///
/// - Source: prometheus/docs, content/docs/instrumenting/exposition_formats.md.
struct ExpositionText {
  private(set) var bytes: [UInt8] = []

  /// The lines before a metric's series.
  mutating func head(_ description: MetricDescription) {
    var help: [UInt8] = []
    for byte in description.help.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): help += "\\\\".utf8
      case UInt8(ascii: "\n"): help += "\\n".utf8
      default: help.append(byte)
      }
    }
    bytes += "# HELP \(description.name) ".utf8
    bytes += help
    bytes += "\n# TYPE \(description.name) \(description.kind.rawValue)\n".utf8
  }

  mutating func sample(_ name: String, _ labels: LabelText, _ value: Double) {
    bytes += name.utf8
    if !labels.bytes.isEmpty {
      bytes.append(UInt8(ascii: "{"))
      bytes += labels.bytes
      bytes.append(UInt8(ascii: "}"))
    }
    end(value)
  }

  mutating func bucket(_ name: String, _ labels: LabelText, bound: String, _ count: Double) {
    bytes += "\(name)_bucket{".utf8
    bytes += labels.bytes
    bytes += "\(labels.bytes.isEmpty ? "" : ",")le=\"\(bound)\"}".utf8
    end(count)
  }

  private mutating func end(_ value: Double) {
    bytes += " \(Self.number(value))\n".utf8
  }

  /// Whole numbers without a point, as Go's client writes them.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    guard value.isFinite else { return value > 0 ? "+Inf" : "-Inf" }
    if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return String(whole) }
    return "\(value)"
  }
}
