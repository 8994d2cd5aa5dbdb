// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Traces

/// What a call's time goes to: kept for the line of a slow call, and told as spans where its trace is recorded.
///
/// Stages may overlap. They are noted as they end, by whichever task has waited for them, also after the call has ended.
package final class CallStages: Sendable {
  struct Stage: Sendable {
    let name: String
    let start: ContinuousClock.Instant
    let end: ContinuousClock.Instant
  }

  /// A stream may have millions.
  private static let maxStages = 128

  /// Nil where the call is not recorded.
  let recording: CallRecording?
  private let state = Mutex<(stages: [Stage], leftOut: Int)>(([], 0))

  init(recording: CallRecording?) {
    self.recording = recording
  }

  /// - Parameter attributes: numbers that a span of it has.
  package func note(
    _ name: String, from start: ContinuousClock.Instant, to end: ContinuousClock.Instant,
    _ attributes: [(String, Int)] = []
  ) {
    if keep(Stage(name: name, start: start, end: end)) { recording?.part(name, start, end, attributes) }
  }

  /// False where there are so many that this one is only counted.
  func keep(_ stage: Stage) -> Bool {
    state.withLock { state in
      guard state.stages.count < Self.maxStages else {
        state.leftOut += 1
        return false
      }
      state.stages.append(stage)
      return true
    }
  }

  /// Stages that were only counted.
  var leftOut: Int { state.withLock(\.leftOut) }

  /// How long each kind of stage was under way, in the order of their beginnings: "llm-compute queue 12.1 ms, llm-compute 40 ms (3)".
  var summary: String {
    let stages = state.withLock(\.stages).sorted { $0.start < $1.start }
    var names: [String] = []
    for stage in stages where !names.contains(stage.name) { names.append(stage.name) }
    return names.map { name in
      let own = stages.filter { $0.name == name }
      return "\(name) \(Self.covered(own).milliseconds) ms" + (own.count > 1 ? " (\(own.count))" : "")
    }.joined(separator: ", ")
  }

  /// - Parameter stages: by their start.
  private static func covered(_ stages: [Stage]) -> Duration {
    var (total, until) = (Duration.zero, ContinuousClock.Instant?.none)
    for stage in stages {
      let start = max(stage.start, until ?? stage.start)
      if stage.end > start { total += start.duration(to: stage.end) }
      until = max(stage.end, until ?? stage.end)
    }
    return total
  }
}

extension CallStages {
  /// Of the RPC that is being handled by the current task.
  package static var current: CallStages? { RequestIdentity.current?.stages }

  /// Runs a stage of the RPC that is being handled.
  package static func timing<Value>(
    _ name: String, isolation: isolated (any Actor)? = #isolation, _ stage: () async throws -> Value
  ) async rethrows -> Value {
    guard let stages = current else { return try await stage() }
    let start = ContinuousClock.now
    defer { stages.note(name, from: start, to: .now) }
    return try await stage()
  }

  /// What a ``Batcher`` did, of requests that were submitted together.
  ///
  /// - Parameter timings: of those that were computed.
  func note(batches name: String, from start: ContinuousClock.Instant, _ timings: [BatchTiming]) {
    guard let wait = timings.map(\.queueTime).min(),
      let time = timings.map({ $0.queueTime + $0.computeTime }).max()
    else { return note(name, from: start, to: .now) }
    note("\(name) queue", from: start, to: start + wait)
    note(
      name, from: start + wait, to: start + time,
      [("illmrec.requests", timings.count), ("illmrec.batch_size", timings.map(\.batchSize).max() ?? 0)])
  }
}
