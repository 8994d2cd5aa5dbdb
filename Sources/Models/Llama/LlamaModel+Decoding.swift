// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Keys and values of sequences that grow, in every layer: a further token costs its own row alone.
///
/// Each sequence has its room from the start, so that attention reads its keys where they lie. Used by one thread.
struct DecodingState: ~Copyable {
  fileprivate var known: KeysAndValues  // [L · R, G · E], layer after layer; R is the room of all sequences
  /// The first row of each sequence, and behind the last one's R, in a layer.
  private let starts: [Int]
  /// Positions of each sequence that are known.
  fileprivate(set) var lengths: [Int]

  /// - Parameter capacities: most positions of each sequence.
  init(_ configuration: LlamaConfiguration, capacities: [Int]) {
    starts = capacities.reduce(into: [0]) { starts, capacity in starts.append(starts[starts.count - 1] + capacity) }
    lengths = capacities.map { _ in 0 }
    known = KeysAndValues(
      rows: configuration.layers * starts[capacities.count],
      width: configuration.keyValueHeads * configuration.headWidth)
  }

  /// Every sequence goes on from what the only one of another state knows.
  ///
  /// - Precondition: nothing is known yet, and each sequence has room for it.
  mutating func begin(with other: borrowing DecodingState, on team: ComputeTeam) {
    let count = other.lengths[0]
    precondition(lengths.allSatisfy { $0 == 0 } && zip(starts, starts.dropFirst()).allSatisfy { $1 - $0 >= count })
    guard count > 0 else { return }
    let (room, layers) = (starts[lengths.count], other.known.key.rows / other.starts[1])
    let runs = (0..<layers).flatMap { layer in
      starts.dropLast().map { (source: layer * other.starts[1], target: layer * room + $0, count: count) }
    }
    team.copyRows(runs, of: other.known.key, into: &known.key)
    team.copyRows(runs, of: other.known.value, into: &known.value)
    lengths = lengths.map { _ in count }
  }

  /// Rows of a sequence's keys in a layer, with `count` further ones.
  fileprivate func rows(of sequence: Int, layer: Int, adding count: Int) -> Range<Int> {
    let start = layer * starts[starts.count - 1] + starts[sequence]
    let end = start + lengths[sequence] + count
    precondition(end - start <= starts[sequence + 1] - starts[sequence], "sequence \(sequence) has no room left")
    return start..<end
  }
}

extension LlamaModel {
  /// Reads further tokens of sequences, and keeps their keys and values.
  ///
  /// - Parameters:
  ///   - state: positions below `maxPositions`.
  ///   - hidden: [T, D], the embeddings of the further tokens, sequence after sequence. Consumed.
  ///   - growth: which sequences they are of, and how many of each; at least one.
  /// - Returns: [growth, D], the hidden state of the last token of each, after the final norm.
  func extend(
    _ state: inout DecodingState, by hidden: consuming Activations, _ growth: [(sequence: Int, count: Int)]
  ) -> Activations {
    var rows: [Range<Int>] = []
    var positions: [Int32] = []
    for (sequence, count) in growth {
      let start = rows.last?.upperBound ?? 0
      rows.append(start..<start + count)
      positions += (0..<count).map { Int32(state.lengths[sequence] + $0) }
    }
    precondition(positions.count == hidden.rows && positions.allSatisfy { $0 < maxPositions })
    var workspace = Workspace(configuration, rows: hidden.rows, assembledRows: 0)
    for (index, layer) in layers.enumerated() {
      let attention = layer.attention
      computeKeysAndValues(layer, hidden, positions, &workspace)
      let keys = growth.map { state.rows(of: $0.sequence, layer: index, adding: $0.count) }
      let runs = zip(rows, keys).map { rows, keys in
        (source: rows.lowerBound, target: keys.upperBound - rows.count, count: rows.count)
      }
      team.copyRows(runs, of: workspace.key, into: &state.known.key)
      team.copyRows(runs, of: workspace.value, into: &state.known.value)
      team.linear(workspace.normed, attention.queryWeight, bias: attention.queryBias, into: &workspace.query)
      attention.place(&workspace.query, norm: attention.queryNorm, at: positions, on: team)
      team.attention(
        query: workspace.query, key: state.known.key, value: state.known.value,
        sequences: zip(rows, keys).map { SequenceSpan(queries: $0, keys: $1) }, heads: configuration.heads,
        keyValueHeads: configuration.keyValueHeads, causal: true, scoring: attention.scoring,
        into: &workspace.attended)
      addAttended(workspace.attended, layer, to: &hidden)
      norm(hidden, weight: layer.feedForwardNorm, into: &workspace.normed)
      addFeedForward(of: workspace.normed, layer, to: &hidden, gate: &workspace.gate, up: &workspace.up)
    }
    for (sequence, count) in growth { state.lengths[sequence] += count }
    let last = hidden.gathered(rows.map { $0.upperBound - 1 })
    var normed = Activations(rows: last.rows, width: last.width)
    team.rmsNorm(last, weight: finalNorm, epsilon: configuration.normEpsilon, into: &normed)
    return normed
  }
}
