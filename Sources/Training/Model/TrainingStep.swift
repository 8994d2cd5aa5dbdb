// SPDX-License-Identifier: Apache-2.0

import Kernels

/// One batch's way forward and back.
///
/// Soft tokens and item vectors are computed for the whole batch at once. The LLM then reads as many sequences at a time as
/// its activations have memory for, and leaves gradients by soft tokens and item vectors, which go back at the end.
final class TrainingStep {
  let model: TrainableRecommender
  let batch: [TrainingSample]
  /// Of the gradients; 0 when there are none.
  let scale: Float
  private let sequences: [StepSequence]
  /// What the adaptor reads of the whole batch, [n, v].
  private let embeddings: [[Float]]
  /// Labelled tokens of the whole batch.
  let labelCount: Int
  let spaces: [SpaceStep]
  /// In the place of `spaces` when one loss is taken of all spaces together.
  let joint: JointStep?
  private let dropout: TrainingDropout
  /// What is left of each sample's state at [REC]; nil for all of it.
  let stateFactors: [[Float]]?  // [B, d]
  var ire = 0.0
  /// Sum over the labelled tokens.
  var ila = 0.0

  var team: ComputeTeam { model.team }
  private var result: TrainingLosses {
    TrainingLosses(
      ire: ire, ila: labelCount == 0 ? 0 : ila / Double(labelCount), labelledTokens: labelCount,
      alignmentWeight: Double(model.options.alignmentWeight))
  }

  /// - Parameter candidates: of a joint softmax; nil for the published loss.
  init(
    _ model: TrainableRecommender, _ batch: [TrainingSample], among candidates: JointCandidates?, scale: Float,
    dropout: TrainingDropout = .none
  ) {
    self.model = model
    self.batch = batch
    self.scale = scale
    self.dropout = dropout
    stateFactors = dropout.stateFactors(samples: batch.count, width: model.llmDim, on: model.team)
    var sequences: [StepSequence] = []
    var embeddings: [[Float]] = []
    for (index, sample) in batch.enumerated() {
      sequences.append(
        StepSequence(recommendation: sample.recommendation, sample: index, firstSoftToken: embeddings.count))
      embeddings += sample.recommendation.embeddings
      guard let answer = sample.answer else { continue }
      sequences.append(StepSequence(answer, sample: index, firstSoftToken: embeddings.count))
      embeddings += answer.sequence.embeddings
    }
    self.sequences = sequences
    self.embeddings = embeddings
    labelCount = batch.reduce(0) { $0 + ($1.answer?.labelCount ?? 0) }
    if let candidates, case .jointSoftmax(let loss) = model.options.loss {
      joint = JointStep(model.projections, candidates, loss, on: model.team)
      spaces = []
    } else {
      joint = nil
      spaces = model.projections.compactMap {
        SpaceStep($0, batch, sharesNegatives: model.options.sharesNegatives, on: model.team)
      }
    }
  }

  func losses() -> TrainingLosses {
    let softTokens = kept(of: model.adaptor.forward(embeddingRows(), on: team).output)
    for group in groups(rowLimit: rowLimit(.nothing)) {
      let packed = PackedSequences(group.map(\.packed))
      _ = lossGradient(model.llm.states(of: rows(of: group, packed, softTokens), packed), group)
    }
    return result
  }

  /// What dropout leaves of soft tokens.
  private func kept(of softTokens: borrowing Activations) -> Activations {
    var kept = Activations(rows: softTokens.rows, width: softTokens.width, values: softTokens.values)
    dropout.apply(toSoftTokens: &kept, on: team)
    return kept
  }

  /// The states at [REC], after the final norm: [B, d]. Answers are left out.
  func recommendationStates() -> Activations {
    let adaptor = model.adaptor.forward(embeddingRows(), on: team)
    var result = Activations(rows: batch.count, width: model.llmDim)
    for group in groups(rowLimit: rowLimit(.nothing)) {
      let packed = PackedSequences(group.map(\.packed))
      let states = model.llm.states(of: rows(of: group, packed, adaptor.output), packed)
      var row = 0
      for sequence in group {
        if sequence.hasRecToken { result.setRow(sequence.sample, to: states[row: row]) }
        row += sequence.outputs
      }
    }
    return result
  }

  func addGradients() -> TrainingLosses {
    let adaptor = model.adaptor.forward(embeddingRows(), on: team)
    var dsoftTokens = Activations(rows: embeddings.count, width: model.llmDim)
    dsoftTokens.clear()
    let softTokens = kept(of: adaptor.output)
    let limit = rowLimit(.everything)
    for group in groups(rowLimit: limit) {
      let packed = PackedSequences(group.map(\.packed))
      let keeping: DifferentiableLlama.Keeping = packed.rowCount <= limit ? .everything : .inputs
      let drows = model.llm.differentiate(rows(of: group, packed, softTokens), packed, keeping: keeping) {
        lossGradient($0, group)
      }
      distribute(drows, group, packed, &dsoftTokens)
    }
    dropout.apply(toSoftTokens: &dsoftTokens, on: team)
    if model.options.trainsAdaptor {
      let dfirst = model.adaptor.backward(dsoftTokens, adaptor, on: team)
      if model.absent.isIn(embeddings) {
        model.absent.addGradient(model.adaptor.inputGradient(dfirst, on: team), of: embeddings)
      }
    }
    for space in spaces { space.backward(on: team) }
    joint?.backward(on: team)
    return result
  }

  // MARK: Rows

  private func embeddingRows() -> Activations {
    Activations(
      rows: embeddings.count, width: model.embeddingDim, values: model.absent.filled(embeddings.flatMap { $0 }))
  }

  private func rowLimit(_ keeping: DifferentiableLlama.Keeping) -> Int {
    model.options.activationBytes / model.llm.bytesPerRow(keeping)
  }

  /// The sequences in their order, as many together as stay within `rowLimit` rows; a longer one alone.
  private func groups(rowLimit: Int) -> [[StepSequence]] {
    var groups: [[StepSequence]] = []
    var rows = 0
    for sequence in sequences {
      if groups.isEmpty || rows + sequence.length > rowLimit {
        groups.append([])
        rows = 0
      }
      groups[groups.count - 1].append(sequence)
      rows += sequence.length
    }
    return groups
  }

  /// What the LLM reads: token embeddings, soft tokens, and [REC] where a recommendation ends.
  ///
  /// - Returns: [T, d].
  private func rows(
    of group: [StepSequence], _ packed: PackedSequences, _ softTokens: borrowing Activations
  ) -> Activations {
    var rows = Activations(rows: packed.rowCount, width: model.llmDim)
    for (row, token) in tokens(of: group, packed) {
      model.tokenTable.copy(token, toRow: row, of: &rows)
      if model.embeddingScale != 1 { rows.scale(row: row, by: model.embeddingScale) }
    }
    for row in recRows(of: group, packed) { rows.setRow(row, toRow: 0, of: model.recToken.tensor) }
    let soft = self.softTokens(of: group, packed)
    team.copyRows(soft.map { (source: $0.index, target: $0.row, count: 1) }, of: softTokens, into: &rows)
    if let positions = model.positions {
      var places = Activations(rows: soft.count, width: model.llmDim)
      for (row, token) in soft.enumerated() { places.setRow(row, toRow: token.place, of: positions.tensor) }
      team.scatterAdd(places, toRows: soft.map { Int32($0.row) }, of: &rows)
    }
    return rows
  }

  /// Adds the gradients by what the LLM read to where it came from.
  private func distribute(
    _ drows: borrowing Activations, _ group: [StepSequence], _ packed: PackedSequences,
    _ dsoftTokens: inout Activations
  ) {
    let soft = softTokens(of: group, packed)
    let dsoft = drows.gathered(soft.map(\.row))
    team.scatterAdd(dsoft, toRows: soft.map { Int32($0.index) }, of: &dsoftTokens)
    if let positions = model.positions {
      team.scatterAdd(dsoft, toRows: soft.map { Int32($0.place) }, ofGradient: positions.tensor)
    }
    let rec = recRows(of: group, packed)
    team.scatterAdd(
      drows.gathered(rec), toRows: [Int32](repeating: 0, count: rec.count), ofGradient: model.recToken.tensor)
    guard let table = model.tokenTable.parameter else { return }
    let tokens = tokens(of: group, packed)
    var dtokens = drows.gathered(tokens.map(\.row))
    if model.embeddingScale != 1 {
      for row in 0..<dtokens.rows { dtokens.scale(row: row, by: model.embeddingScale) }
    }
    team.scatterAdd(dtokens, toRows: tokens.map(\.token), ofGradient: table.tensor)
  }

  private func softTokens(
    of group: [StepSequence], _ packed: PackedSequences
  ) -> [(row: Int, index: Int, place: Int)] {
    zip(group, packed.spans).flatMap { sequence, span in
      sequence.softTokens.map { (row: span.keys.lowerBound + $0.position, index: $0.index, place: $0.place) }
    }
  }

  private func recRows(of group: [StepSequence], _ packed: PackedSequences) -> [Int] {
    zip(group, packed.spans).compactMap { $0.hasRecToken ? $1.keys.upperBound - 1 : nil }
  }

  private func tokens(of group: [StepSequence], _ packed: PackedSequences) -> [(row: Int, token: Int32)] {
    zip(group, packed.spans).flatMap { sequence, span in
      let soft = Set(sequence.softTokens.map(\.position))
      return zip(span.keys, sequence.tokenIDs).enumerated().compactMap { position, pair in
        soft.contains(position) ? nil : (row: pair.0, token: pair.1)
      }
    }
  }
}
