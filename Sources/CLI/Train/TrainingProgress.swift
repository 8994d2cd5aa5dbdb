// SPDX-License-Identifier: Apache-2.0

import Training

/// Shows how far a run is.
final class TrainingProgress {
  private let plan: TrainingPlan
  private let bar: ProgressBar
  private let terminal = Terminal.standardError
  private let clock = ContinuousClock()
  private var begin: ContinuousClock.Instant?
  private var samples = 0
  /// Of the losses, over the steps shown.
  private var mean: Double?

  /// Weight of a step in the mean that is shown.
  private static let smoothing = 0.1

  init(_ plan: TrainingPlan) {
    self.plan = plan
    bar = ProgressBar("Training", total: plan.totalSteps, unit: "steps")
  }

  func show(_ event: TrainingEvent) {
    switch event {
    case .step(let step): show(step)
    case .validated(let result, let isBest):
      line(
        "step \(result.step): validation Hit@5 \(result.hit5.rounded(to: 4)), NDCG@5 \(result.ndcg5.rounded(to: 4))"
          + (isBest ? ", the best so far" : ""))
    case .saved: break
    case .resumed(let step, let path): line("going on after step \(step) from \(path)")
    case .note(let text): line(text)
    }
  }

  private func show(_ step: TrainingEvent.Step) {
    let now = clock.now
    if let begin {
      samples += step.samples
      let rate = Double(samples) / max(begin.duration(to: now) / .seconds(1), 1e-9)
      let smooth = mean.map { $0 + Self.smoothing * (step.losses.total - $0) } ?? step.losses.total
      mean = smooth
      bar.update(
        completed: step.step,
        note: "loss \(smooth.rounded(to: 3)) (ire \(step.losses.ire.rounded(to: 3)), ila "
          + "\(step.losses.ila.rounded(to: 3))), \(rate.rounded(to: 1)) samples/s")
    } else {
      // The first step warms caches and is no measure.
      begin = now
      bar.update(completed: step.step)
    }
  }

  func end(_ outcome: TrainingOutcome, _ state: TrainingState, _ directory: RunDirectory) {
    bar.finish()
    let best = state.best.map { "; best validation Hit@5 \($0.hit5.rounded(to: 4)) after step \($0.step)" } ?? ""
    switch outcome {
    case .stopped: line("stopped after step \(state.step) and saved")
    case .finished: line("\(state.step) steps, \(Duration.seconds(state.seconds).brief)\(best)")
    case .outOfPatience: line("validation gained no more: ended after step \(state.step)\(best)")
    }
    guard outcome != .stopped else { return }
    Terminal.standardOutput.writeLine(directory.checkpoint)
  }

  private func line(_ text: String) {
    terminal.writeLine((terminal.isInteractive ? "\r\u{1B}[K" : "") + text)
  }
}
