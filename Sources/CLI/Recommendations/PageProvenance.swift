// SPDX-License-Identifier: Apache-2.0

import Pages
import ServiceAPI

/// The foot of the page: where the time of the request went and which models and index answered it.
struct PageProvenance: PagePart {
  struct Stage {
    let name: String
    let time: String
    let style: String
    /// Of the bar, in percent.
    let start: String
    let share: String
  }

  struct Row {
    struct Fingerprint {
      let whole: String
      let short: String

      init(_ text: String) { (whole, short) = (text, String(text.prefix(12))) }
    }

    let part: String
    let name: String
    let version: String
    let fingerprints: [Fingerprint]
  }

  let template = "provenance"
  let isMeasured: Bool
  let total: String
  let stages: [Stage]
  let rows: [Row]

  init(response: Recommender_RecommendResponse) {
    let named = ProvenanceText(response: response).stages
    let sum = named.reduce(0) { $0 + $1.micros }
    isMeasured = sum > 0
    total = ProvenanceText.milliseconds(response.timings.totalMicros)
    var before: UInt64 = 0
    stages = named.enumerated().map { position, stage in
      defer { before += stage.micros }
      return Stage(
        name: stage.name, time: ProvenanceText.milliseconds(stage.micros), style: "s\(position + 1)",
        start: Self.percent(before, of: sum), share: Self.percent(stage.micros, of: sum))
    }
    let index = response.servedBy
    rows = [
      Self.row("Items", response.encoderModel), Self.row("Users", response.llmModel),
      Row(
        part: "Index", name: index.index, version: index.version,
        fingerprints: [.init(index.fingerprint), .init(index.builtBy.spaceFingerprint)]),
    ]
  }

  private static func percent(_ micros: UInt64, of sum: UInt64) -> String {
    (Double(micros) / Double(max(sum, 1)) * 100).rounded(to: 2)
  }

  private static func row(_ part: String, _ model: Common_ModelRef) -> Row {
    Row(
      part: part, name: model.name, version: model.version,
      fingerprints: [.init(model.fingerprint), .init(model.spaceFingerprint)])
  }
}
