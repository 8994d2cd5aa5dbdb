// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import ServiceAPI
import SwiftProtobuf

/// Which gate a reading is of, by its kind's bytes.
struct GateName: Hashable {
  let title: String
  private let name: Identifier

  init(_ reading: Retrieval_GateReading) {
    title = reading.title
    name = Identifier(reading.title)
  }

  static func == (a: Self, b: Self) -> Bool { a.name == b.name }

  func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// What was measured over time, drawn.
struct RolloutCharts {
  private let points: [Retrieval_RolloutPoint]
  private let times: [Double]
  private let stages: [(time: Double, name: String)]
  /// Every gate that was read, in the order of its first reading.
  let gates: [GateName]

  init(_ points: [Retrieval_RolloutPoint]) {
    self.points = points
    let times = points.map { Double($0.time.seconds) + Double($0.time.nanos) / 1e9 }
    let begins = points.indices.filter { $0 == 0 || points[$0].stage != points[$0 - 1].stage }
    self.times = times
    stages = begins.map { (times[$0], points[$0].shareText) }
    var known: Set<GateName> = []
    gates = points.flatMap(\.gates).map(GateName.init).filter { known.insert($0).inserted }
  }

  var all: [LineChart] {
    [agreement, searchTime] + gates.compactMap(measured) + outcomesWithoutGate.map(difference)
  }

  private var agreement: LineChart {
    var lines = [
      LineChart.Line(
        name: "overlap@k", style: "s1", values: points.map { $0.compared > 0 ? $0.meanOverlap : nil }),
      LineChart.Line(
        name: "rank-biased", style: "s2", values: points.map { $0.compared > 0 ? $0.meanRankBiasedOverlap : nil }),
    ]
    let bounds = readings { $0.kind == .overlap }.map { $0.flatMap { $0.hasBound ? $0.bound : nil } }
    if bounds.contains(where: { $0 != nil }) { lines.append(.init(name: "at least", style: "s5", values: bounds)) }
    return chart("Agreement of compared queries: overlap@k and rank-biased overlap", range: 0...1, lines)
  }

  private var searchTime: LineChart {
    func millis(_ figures: Retrieval_VersionFigures) -> Double? {
      figures.p99Micros > 0 ? figures.p99Micros / 1000 : nil
    }
    return chart(
      "Search time, p99", unit: " ms",
      [
        .init(name: "stable", style: "s1", values: points.map { millis($0.baseline) }),
        .init(name: "candidate", style: "s2", values: points.map { millis($0.candidate) }),
      ])
  }

  /// Value, interval and bound of a gate that rests on an interval; nil for the others, which the charts above show.
  private func measured(_ gate: GateName) -> LineChart? {
    let found = readings { GateName($0) == gate }
    guard let kind = found.compactMap(\.self).first?.kind, [.errors, .sampleRatio, .outcome].contains(kind) else {
      return nil
    }
    let isRate = kind != .outcome
    let (title, bound) =
      switch kind {
      case .errors: ("Candidate's error rate", "most allowed")
      case .sampleRatio: ("Candidate's share of the users", "planned")
      default: ("\(gate.title): candidate's rate − stable's", "least allowed")
      }
    let lines = [
      LineChart.Line(name: bound, style: "s5", values: found.map { $0.flatMap { $0.hasBound ? $0.bound : nil } }),
      LineChart.Line(
        name: "candidate", style: "s2", values: found.map { $0.flatMap { $0.hasValue ? $0.value : nil } },
        band: found.map { $0.flatMap { $0.hasLower && $0.hasUpper ? ($0.lower, $0.upper) : nil } }),
    ]
    let zero = LineChart.Line(name: "no difference", style: "s1", values: isRate ? [] : found.map { $0.map { _ in 0 } })
    return chart(
      title, range: Self.range(of: lines, least: isRate ? 0 : -1), isRate ? lines : [zero] + lines)
  }

  private func readings(
    where isWanted: (Retrieval_GateReading) -> Bool
  ) -> [Retrieval_GateReading?] { points.map { $0.gates.first(where: isWanted) } }

  /// Kinds of outcomes that no gate watches, and all of them in reports of earlier releases.
  private var outcomesWithoutGate: [Identifier] {
    let watched = Set(points.flatMap(\.gates).filter { $0.kind == .outcome }.map { Identifier($0.outcomeKind) })
    return Set(points.flatMap { $0.outcomes.map { Identifier($0.kind) } }).subtracting(watched).sorted()
  }

  /// The difference of the rates with its always-valid interval: 0 within the band means that none is proven.
  private func difference(of kind: Identifier) -> LineChart {
    let found = points.map { point in point.outcomes.first { Identifier($0.kind) == kind } }
    let lines = [
      LineChart.Line(name: "no difference", style: "s1", values: points.map { _ in 0 }),
      LineChart.Line(
        name: "difference", style: "s2", values: found.map { $0?.difference },
        band: found.map { $0.map { ($0.lower, $0.upper) } }),
    ]
    return chart(
      "\(kind): candidate's rate − stable's, with its always-valid interval", range: Self.range(of: lines, least: -1),
      lines)
  }

  /// Holds the values and the narrowest band of each line; intervals on few samples, as wide as can be, would flatten everything.
  private static func range(of lines: [LineChart.Line], least: Double) -> ClosedRange<Double> {
    var all: [Double] = [0]
    for line in lines {
      all += line.values.compactMap(\.self)
      let narrowest = line.band.compactMap(\.self).min { $0.upper - $0.lower < $1.upper - $1.lower }
      if let narrowest { all += [narrowest.lower, narrowest.upper] }
    }
    let (low, high) = (all.min() ?? 0, all.max() ?? 0)
    let room = max((high - low) * 0.3, 0.002)
    return max(least, low - room)...min(1, high + room)
  }

  private func chart(
    _ title: String, unit: String = "", range: ClosedRange<Double>? = nil, _ lines: [LineChart.Line]
  ) -> LineChart {
    LineChart(title: title, unit: unit, times: times, stages: stages, lines: lines, range: range) { time in
      Google_Protobuf_Timestamp(seconds: Int64(time)).secondText
    }
  }
}
