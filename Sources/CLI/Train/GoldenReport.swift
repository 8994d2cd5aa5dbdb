// SPDX-License-Identifier: Apache-2.0

import Foundation
import Training

/// Shows how a replayed training run compares with the reference framework's.
struct GoldenReport {
  typealias Comparison = GoldenTraining.Comparison

  let replay: GoldenTraining.Replay

  var table: TextTable {
    var table = TextTable([
      .init("step", .trailing), .init("ire", .trailing), .init("ila", .trailing), .init("loss", .trailing),
      .init("loss error", .trailing), .init("bound", .trailing), .init("norm error", .trailing),
      .init("bound", .trailing), .init("worst norm", isFlexible: true), .init(""),
    ])
    for (index, comparison) in replay.comparisons.enumerated() {
      let losses = comparison.losses
      table.add([
        "\(index + 1)", losses.ire.rounded(to: 5), losses.ila.rounded(to: 5), losses.total.rounded(to: 5),
        Self.text(comparison.lossError), Self.text(Comparison.lossBound), Self.text(comparison.worstNorm.error),
        Self.text(Comparison.normBound), comparison.worstNorm.parameter, comparison.isWithinBounds ? "ok" : "FAIL",
      ])
    }
    return table
  }

  /// About the samples' conversations.
  var prompts: String {
    guard !replay.differingPrompts.isEmpty else { return "conversations: tokens and labels equal" }
    return
      "conversations: tokens or labels of sample \(replay.differingPrompts.map(String.init).joined(separator: ", ")) differ"
  }

  private static func text(_ error: Double) -> String { error.isFinite ? String(format: "%.1e", error) : "\(error)" }
}
