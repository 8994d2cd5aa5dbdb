// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models

/// A frozen decoder that carries gradients from its final states back to the rows that it read.
///
/// Keeps memory from call to call; used by one thread at a time.
final class DifferentiableLlama {
  /// What is kept between the way forward and the way back.
  enum Keeping {
    case nothing
    /// Each layer's input; the rest is computed again (Chen et al. 2016), at the price of a second way forward.
    case inputs
    case everything
  }

  let llm: LlamaModel
  let team: ComputeTeam
  /// Trained beside the frozen matrices, one for each layer; empty for none.
  let changes: [AttentionChanges]
  private var inputs: [KeptRows] = []  // [T, D] each
  private var kept: [LayerActivations] = []
  let workspace: BackwardWorkspace
  private let last: KeptRows  // [R, D]: what the final norm reads

  var configuration: LlamaConfiguration { llm.configuration }

  init(_ llm: LlamaModel, changes start: LowRankStart? = nil, team: ComputeTeam) {
    self.llm = llm
    self.team = team
    changes =
      start.map { start in
        llm.layers.enumerated().map {
          AttentionChanges($1.attention, layer: $0, fused: llm.configuration.decoder.fusesProjections, start)
        }
      } ?? []
    workspace = BackwardWorkspace(llm.configuration)
    last = KeptRows(width: llm.configuration.width)
  }

  /// Bytes that a row of `differentiate` takes.
  func bytesPerRow(_ keeping: Keeping) -> Int {
    let input = configuration.width * MemoryLayout<Float>.stride
    let rest = LayerActivations.bytesPerRow(configuration)
    let shared = BackwardWorkspace.bytesPerRow(configuration)
    switch keeping {
    case .nothing: return 2 * input + rest + shared
    case .inputs: return configuration.layers * input + rest + shared
    case .everything: return configuration.layers * (input + rest) + shared
    }
  }

  /// The final states, after the final norm, of the rows that are read.
  ///
  /// - Parameter rows: [T, D], what the sequences' positions hold.
  /// - Returns: [R, D].
  func states(of rows: borrowing Activations, _ sequences: PackedSequences) -> Activations {
    forward(rows, sequences, .nothing)
  }

  /// The way forward and back.
  ///
  /// - Parameters:
  ///   - rows: [T, D].
  ///   - gradient: given the final states [R, D], the loss's gradient by them [R, D].
  /// - Returns: the loss's gradient by `rows`: [T, D].
  func differentiate(
    _ rows: borrowing Activations, _ sequences: PackedSequences, keeping: Keeping,
    _ gradient: (borrowing Activations) -> Activations
  ) -> Activations {
    precondition(keeping != .nothing)
    let dstates = gradient(forward(rows, sequences, keeping))
    var d = Activations(rows: dstates.rows, width: dstates.width)
    d.clear()
    team.rmsNormBackward(
      dstates, of: last.rows, weight: llm.finalNorm, epsilon: configuration.normEpsilon, addingTo: &d)
    for index in llm.layers.indices.reversed() {
      let layer = kept[keeping == .everything ? index : 0]
      if keeping == .inputs { forwardToFeedForward(index, inputs[index].rows, sequences, layer) }
      backward(index, inputs[index].rows, sequences, layer, &d)
    }
    return d
  }

  func change(ofLayer index: Int) -> AttentionChanges? { changes.isEmpty ? nil : changes[index] }

  func isLast(_ index: Int) -> Bool { index == llm.layers.count - 1 }

  private func forward(
    _ rows: borrowing Activations, _ sequences: PackedSequences, _ keeping: Keeping
  ) -> Activations {
    precondition(rows.rows == sequences.rowCount && rows.width == configuration.width)
    allocate(keeping)
    inputs[0].rows.reset(rows: rows.rows)
    team.copyRows([(source: 0, target: 0, count: rows.rows)], of: rows, into: &inputs[0].rows)
    for index in llm.layers.indices {
      let input = inputs[keeping == .nothing ? index % 2 : index]
      let output = isLast(index) ? last : inputs[keeping == .nothing ? (index + 1) % 2 : index + 1]
      let layer = kept[keeping == .everything ? index : 0]
      forwardToFeedForward(index, input.rows, sequences, layer)
      finish(index, layer, into: &output.rows)
    }
    var states = Activations(rows: last.rows.rows, width: last.rows.width)
    team.rmsNorm(last.rows, weight: llm.finalNorm, epsilon: configuration.normEpsilon, into: &states)
    return states
  }

  private func allocate(_ keeping: Keeping) {
    let layers = llm.layers.count
    let (inputCount, keptCount) =
      switch keeping {
      case .nothing: (min(2, layers), 1)
      case .inputs: (layers, 1)
      case .everything: (layers, layers)
      }
    while inputs.count < inputCount { inputs.append(KeptRows(width: configuration.width)) }
    while kept.count < keptCount { kept.append(LayerActivations(configuration)) }
  }
}
