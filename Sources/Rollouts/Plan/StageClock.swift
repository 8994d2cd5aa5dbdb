// SPDX-License-Identifier: Apache-2.0

/// How long a stage has run, by the steady clock: pauses left out, and the time in which no process counted.
struct StageClock: Sendable {
  /// Up to the last time it was stopped or read into here: what a file keeps.
  private(set) var keptMicros: Int64
  /// When it last began to run, by the steady clock; nil while it stands, and in a value that was read from a file.
  private var since: Int64?

  init(keptMicros: Int64 = 0, runningSince since: Int64? = nil) {
    self.keptMicros = keptMicros
    self.since = since
  }

  /// Of one that was read from a file: whether it can be the time that something ran. The bound is 36,000 years.
  var isSound: Bool { (0...1 << 60).contains(keptMicros) }

  func elapsedMicros(now: Moment) -> Int64 { keptMicros + (since.map { max(0, now.steadyMicros - $0) } ?? 0) }

  mutating func stop(now: Moment) { self = StageClock(keptMicros: elapsedMicros(now: now)) }

  /// Runs on from here, or from what is known from elsewhere, when that is later.
  mutating func run(now: Moment, atLeast known: Int64 = 0) {
    self = StageClock(keptMicros: max(elapsedMicros(now: now), known), runningSince: now.steadyMicros)
  }
}

extension StageClock: Equatable {
  /// Of what a file keeps: when a process began to count is its own affair.
  static func == (a: Self, b: Self) -> Bool { a.keptMicros == b.keptMicros }
}

/// The file says how long the stage had run; a clock that was read stands until somebody lets it run.
extension StageClock: Codable {
  init(from decoder: any Decoder) throws { self.init(keptMicros: try Int64(from: decoder)) }

  func encode(to encoder: any Encoder) throws { try keptMicros.encode(to: encoder) }
}
