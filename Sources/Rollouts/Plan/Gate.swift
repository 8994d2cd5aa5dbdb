// SPDX-License-Identifier: Apache-2.0

/// What a gate watches in the candidate.
package enum Gate: Sendable, Hashable {
  /// How far its answers agree with the baseline's.
  case overlap
  /// How many of its searches fail.
  case errors
  /// How long its searches take.
  case latency
  /// Whether its share of the routing keys is the planned one.
  case sampleRatio
  /// How often users do what is wished after its answers.
  case outcome(kind: String)
}

extension Gate: CustomStringConvertible {
  /// As messages and the contract call it: "overlap", "errors", "latency", "sample_ratio", "outcome click".
  package var description: String {
    switch self {
    case .overlap: "overlap"
    case .errors: "errors"
    case .latency: "latency"
    case .sampleRatio: "sample_ratio"
    case .outcome(let kind): "outcome \(kind)"
    }
  }
}

/// As its text in files.
extension Gate: Codable {
  private static let outcomePrefix = "outcome "

  package init(from decoder: any Decoder) throws {
    let text = try String(from: decoder)
    switch text {
    case "overlap": self = .overlap
    case "errors": self = .errors
    case "latency": self = .latency
    case "sample_ratio": self = .sampleRatio
    default:
      // By bytes: a kind may begin with a combining mark, which would be one character with the space before it.
      guard text.utf8.starts(with: Self.outcomePrefix.utf8) else {
        throw DecodingError.dataCorrupted(
          .init(codingPath: decoder.codingPath, debugDescription: "\"\(text)\" is no gate"))
      }
      self = .outcome(kind: String(decoding: text.utf8.dropFirst(Self.outcomePrefix.utf8.count), as: UTF8.self))
    }
  }

  package func encode(to encoder: any Encoder) throws { try description.encode(to: encoder) }
}

extension Gate {
  /// Whether a stage brings the gate samples.
  func getsSamples(in stage: RolloutPlan.Stage) -> Bool {
    let isCompared = stage.shadowPermille > 0
    return switch self {
    case .overlap: isCompared
    case .errors: true
    case .latency: isCompared || stage.hasBothArms
    case .sampleRatio, .outcome: stage.hasBothArms
    }
  }
}

extension RolloutPlan.Stage {
  /// Whether both versions answer callers.
  var hasBothArms: Bool { (1..<1000).contains(canaryPermille) }
}
