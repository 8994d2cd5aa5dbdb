// SPDX-License-Identifier: Apache-2.0

// Plans of earlier releases, as they stand in serving.json and in reports: what they do not name is as it is by default. They might
// ask for more samples than there can be; as many as may be asked for now, nobody reaches either.

extension RolloutPlan {
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      stages: try values.decode([Stage].self, forKey: .stages), gates: try values.decode(Gates.self, forKey: .gates),
      outcomeWindowMicros: try values.decode(Int64.self, forKey: .outcomeWindowMicros),
      fallsBackToStable: try values.decodeIfPresent(Bool.self, forKey: .fallsBackToStable) ?? false)
  }
}

extension RolloutPlan.Stage {
  private enum FormerKeys: String, CodingKey {
    /// 0 where nobody had asked for a number.
    case minSamples = "min_samples"
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let former = try decoder.container(keyedBy: FormerKeys.self).decodeIfPresent(UInt64.self, forKey: .minSamples)
    self.init(
      canaryPermille: try values.decode(Int.self, forKey: .canaryPermille),
      shadowPermille: try values.decode(Int.self, forKey: .shadowPermille),
      minMicros: try values.decode(Int64.self, forKey: .minMicros),
      minSamples: (try values.decodeIfPresent(UInt64.self, forKey: .minSamples) ?? former.flatMap { $0 == 0 ? nil : $0 })
        .map { min($0, Gates.maxSamples) },
      isAutomatic: try values.decode(Bool.self, forKey: .isAutomatic))
  }
}

extension Gates {
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      minOverlap: try values.decodeIfPresent(Double.self, forKey: .minOverlap),
      maxErrorRatio: try values.decodeIfPresent(Double.self, forKey: .maxErrorRatio),
      maxLatencyRatio: try values.decodeIfPresent(Double.self, forKey: .maxLatencyRatio),
      minSamples: min(try values.decode(UInt64.self, forKey: .minSamples), Self.maxSamples),
      outcomes: try values.decode([Outcome].self, forKey: .outcomes),
      errorProbability: try values.decode(Double.self, forKey: .errorProbability))
    isErrorNonInferiority = try values.decodeIfPresent(Bool.self, forKey: .isErrorNonInferiority) ?? false
    sampleRatioErrorProbability =
      try values.decodeIfPresent(Double.self, forKey: .sampleRatioErrorProbability)
      ?? Self.defaultSampleRatioErrorProbability
  }
}

extension Gates.Outcome {
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      kind: try values.decode(String.self, forKey: .kind), maxDrop: try values.decode(Double.self, forKey: .maxDrop),
      minTrials: min(try values.decode(UInt64.self, forKey: .minTrials), Gates.maxSamples),
      isNonInferiority: try values.decodeIfPresent(Bool.self, forKey: .isNonInferiority) ?? false)
  }
}
