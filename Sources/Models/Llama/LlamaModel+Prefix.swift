// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Keys and values of some positions in one layer.
struct KeysAndValues: ~Copyable {
  var key: Activations  // [rows, G · E]
  var value: Activations  // [rows, G · E]

  init(rows: Int, width: Int) {
    key = Activations(rows: rows, width: width)
    value = Activations(rows: rows, width: width)
  }
}

/// Where the sequences of a plan find their keys and values: in their own rows, or put together from blocks, rows of other
/// sequences and their own.
struct KeyValueSources {
  /// A sequence and where its keys begin.
  struct Place {
    let sequence: Int
    let keys: Range<Int>
  }

  /// Sequences whose own rows are all there is.
  let inPlace: [Place]
  /// Sequences whose keys are put together, group by group, from row 0 on.
  let groups: [[Place]]
  let plan: PrefillPlan

  /// Most rows put together at once: enough that every thread has work, few enough that many users with long prefixes do not
  /// take memory for all of them. One longer sequence is a group of its own.
  private static let groupRows = 4096

  init(_ plan: PrefillPlan) {
    self.plan = plan
    var inPlace: [Place] = []
    var groups: [[Place]] = []
    for (index, sequence) in plan.sequences.enumerated() where !sequence.rows.isEmpty {
      guard sequence.firstPosition > 0 else {
        inPlace.append(Place(sequence: index, keys: sequence.rows))
        continue
      }
      let start = groups.last?.last?.keys.upperBound ?? 0
      if !groups.isEmpty, start + sequence.keyCount <= Self.groupRows {
        groups[groups.count - 1].append(Place(sequence: index, keys: start..<start + sequence.keyCount))
      } else {
        groups.append([Place(sequence: index, keys: 0..<sequence.keyCount)])
      }
    }
    self.inPlace = inPlace
    self.groups = groups
  }

  /// Rows that the largest group needs.
  var assembledRows: Int { groups.compactMap { $0.last?.keys.upperBound }.max() ?? 0 }

  /// Blocks to read, with the row where each begins.
  func cachedBlocks(_ group: [Place]) -> [(block: KeyValueBlock, row: Int)] {
    group.flatMap { place in
      plan.sequences[place.sequence].cached.enumerated().map { index, block in
        (block, place.keys.lowerBound + index * plan.positionsPerBlock)
      }
    }
  }

  /// Rows to copy from the packed matrix: those of other sequences, then the own ones.
  func packedRows(_ group: [Place]) -> [(source: Int, target: Int, count: Int)] {
    group.flatMap { place in
      let sequence = plan.sequences[place.sequence]
      var target = place.keys.lowerBound + sequence.cached.count * plan.positionsPerBlock
      var runs: [(source: Int, target: Int, count: Int)] = []
      for shared in sequence.shared {
        runs.append((plan.sequences[shared.sequence].rows.lowerBound + shared.offset, target, shared.count))
        target += shared.count
      }
      runs.append((sequence.rows.lowerBound, target, sequence.rows.count))
      return runs
    }
  }
}

extension LlamaModel {
  /// Attention of every sequence over all its keys.
  ///
  /// - Parameters:
  ///   - query: [rows, H · E].
  ///   - queries: a sequence's rows in `query`; sequences without any are left out.
  ///   - key: [T, G · E], of the packed rows.
  ///   - value: [T, G · E].
  ///   - assembled: [assembled rows, G · E], overwritten.
  ///   - out: [rows, H · E].
  func attend(
    layer: Int, _ sources: KeyValueSources, query: borrowing Activations, queries: (Int) -> Range<Int>,
    key: borrowing Activations, value: borrowing Activations, assembled: inout KeysAndValues,
    into out: inout Activations
  ) {
    let scoring = layers[layer].attention.scoring
    attend(sources.inPlace, scoring, query: query, queries: queries, key: key, value: value, into: &out)
    for group in sources.groups {
      let blocks = sources.cachedBlocks(group)
      let rows = sources.packedRows(group)
      team.load(blocks.map { $0.block.keys(layer: layer, matrixRow: $0.row) }, into: &assembled.key)
      team.load(blocks.map { $0.block.values(layer: layer, matrixRow: $0.row) }, into: &assembled.value)
      team.copyRows(rows, of: key, into: &assembled.key)
      team.copyRows(rows, of: value, into: &assembled.value)
      attend(group, scoring, query: query, queries: queries, key: assembled.key, value: assembled.value, into: &out)
    }
  }

  private func attend(
    _ places: [KeyValueSources.Place], _ scoring: AttentionScoring, query: borrowing Activations,
    queries: (Int) -> Range<Int>, key: borrowing Activations, value: borrowing Activations, into out: inout Activations
  ) {
    let spans = places.map { SequenceSpan(queries: queries($0.sequence), keys: $0.keys) }.filter {
      !$0.queries.isEmpty
    }
    guard !spans.isEmpty else { return }
    team.attention(
      query: query, key: key, value: value, sequences: spans, heads: configuration.heads,
      keyValueHeads: configuration.keyValueHeads, causal: true, scoring: scoring, into: &out)
  }

  /// Copies the layer's keys and values into the plan's new blocks.
  func fill(_ plan: PrefillPlan, layer: Int, key: borrowing Activations, value: borrowing Activations) {
    let fills = plan.sequences.flatMap { sequence in
      sequence.fills.compactMap { fill in
        fill.offset + plan.positionsPerBlock <= sequence.rows.count
          ? (block: fill.block, row: sequence.rows.lowerBound + fill.offset) : nil
      }
    }
    guard !fills.isEmpty else { return }
    team.store(fills.map { $0.block.keys(layer: layer, matrixRow: $0.row) }, from: key)
    team.store(fills.map { $0.block.values(layer: layer, matrixRow: $0.row) }, from: value)
  }

  /// Rounds the layer's keys and values to what the cache keeps of them, and ends every sequence at its first row that is
  /// not finite.
  ///
  /// From there on rows become zeros: a position weighs keys and values that it must not see with zero, which would make NaN
  /// of a value that is not finite, and so of every position of the sequence and of those that begin like it. A row of
  /// `hidden` that is not finite has no finite keys, so that this finds it too.
  func settle(
    _ plan: inout PrefillPlan, in element: RowStorage.Element, key: inout Activations, value: inout Activations
  ) {
    let found = [team.round(&key, to: element), team.round(&value, to: element)]
    guard found.contains(where: { $0 != nil }) else { return }
    var firstRows: [(sequence: Int, row: Int)] = []
    for (index, sequence) in plan.sequences.enumerated() {
      let rows = [key.firstNotFinite(in: sequence.rows), value.firstNotFinite(in: sequence.rows)].compactMap(\.self)
      guard let first = rows.min() else { continue }
      firstRows.append((index, first - sequence.rows.lowerBound))
      key.clear(rows: first..<sequence.rows.upperBound)
      value.clear(rows: first..<sequence.rows.upperBound)
    }
    plan.spoil(firstRows)
  }
}
