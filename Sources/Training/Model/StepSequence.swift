// SPDX-License-Identifier: Apache-2.0

/// One sequence of a training step: what its positions hold, and what is read of it.
struct StepSequence {
  enum Reading {
    /// The state at [REC], which follows the tokens.
    case recommendation
    /// The states that predict these tokens: the last ones, one each.
    case answer(labels: [Int32])
  }

  /// Of the batch.
  let sample: Int
  let tokenIDs: ArraySlice<Int32>
  /// Positions that hold soft tokens, which of the step's they are, and their place from the end of the history.
  let softTokens: [(position: Int, index: Int, place: Int)]
  let reading: Reading

  var hasRecToken: Bool { if case .recommendation = reading { true } else { false } }
  var length: Int { tokenIDs.count + (hasRecToken ? 1 : 0) }
  /// Rows at its end whose states are read.
  var outputs: Int {
    switch reading {
    case .recommendation: 1
    case .answer(let labels): labels.count
    }
  }

  var packed: PackedSequences.Member { PackedSequences.Member(length: length, outputs: outputs) }

  /// - Parameter firstSoftToken: index of the sequence's first soft token.
  init(recommendation sequence: TrainingSample.Sequence, sample: Int, firstSoftToken: Int) {
    self.init(sequence, tokens: sequence.tokenIDs[...], sample, firstSoftToken, .recommendation)
  }

  /// The last token is predicted and never read.
  init(_ answer: TrainingSample.Answer, sample: Int, firstSoftToken: Int) {
    let tokens = answer.sequence.tokenIDs
    let labels = Array(tokens[answer.labelStart...])
    self.init(answer.sequence, tokens: tokens.dropLast(), sample, firstSoftToken, .answer(labels: labels))
  }

  private init(
    _ sequence: TrainingSample.Sequence, tokens: ArraySlice<Int32>, _ sample: Int, _ firstSoftToken: Int,
    _ reading: Reading
  ) {
    self.sample = sample
    self.reading = reading
    tokenIDs = tokens
    let positions = sequence.softTokenPositions
    softTokens = positions.indices.filter { positions[$0] < tokens.count }.map {
      (position: positions[$0], index: firstSoftToken + $0, place: positions.count - 1 - $0)
    }
  }
}
