// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// One user's recommendations as text.
struct RecommendationTable {
  let response: Recommender_RecommendResponse
  let result: Recommender_UserRecommendations

  func write(to terminal: Terminal) {
    var table = TextTable([
      .init("#", .trailing), .init("ITEM"), .init("SCORE", .trailing), .init("TITLE", isFlexible: true),
      .init("CATEGORY", isFlexible: true),
    ])
    for (position, item) in result.items.enumerated() {
      table.add([
        String(position + 1), item.itemID, Double(item.score).rounded(to: 4), item.metadata.title,
        item.metadata.category,
      ])
    }
    table.write(to: terminal)
    if result.items.isEmpty { terminal.writeLine("No item is left to recommend.") }
    terminal.writeLine(terminal.styled(ProvenanceText(response: response).line, .dim))
    if !result.fellBackFrom.isEmpty {
      terminal.writeLine(
        terminal.styled("\(result.fellBackFrom) was to answer and failed; the stable version answered instead.", .dim))
    }
    if result.truncatedItems > 0 {
      terminal.writeLine(
        terminal.styled("\(result.truncatedItems) older interactions were not read by the LLM service.", .dim))
    }
  }
}

/// Where an answer comes from and where its time went.
struct ProvenanceText {
  let response: Recommender_RecommendResponse

  var line: String { "\(source). \(timings)." }

  var source: String {
    let model = response.llmModel
    // As `illmrec training list` and `illmrec index list` name it.
    return
      "\(response.servedBy.version), training \(model.name) \(model.version) (\(model.spaceFingerprint.prefix(12)))"
  }

  var timings: String {
    let stages = stages.dropLast().map { "\($0.name) \(Self.milliseconds($0.micros))" }
    return "\(Self.milliseconds(response.timings.totalMicros)) in all: " + stages.joined(separator: ", ")
  }

  /// The stages in their order; the last is what none of them took.
  var stages: [(name: String, micros: UInt64)] {
    let timings = response.timings
    let stages = [
      ("items", timings.itemsMicros), ("users", timings.usersMicros), ("search", timings.searchMicros),
      ("metadata", timings.metadataMicros),
    ]
    let named = stages.reduce(0) { $0 + $1.1 }
    return stages + [("gateway", timings.totalMicros > named ? timings.totalMicros - named : 0)]
  }

  static func milliseconds(_ micros: UInt64) -> String {
    "\((Double(micros) / 1000).rounded(to: micros < 10_000 ? 1 : 0)) ms"
  }
}
