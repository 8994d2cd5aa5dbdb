// SPDX-License-Identifier: Apache-2.0

/// Which rows of a packed batch are computed, and where each sequence finds the keys and values before them.
///
/// A sequence is one prompt. Positions at its beginning may be known already: from the prefix cache, or because an earlier
/// sequence of the batch begins alike and computes them. What is left are its own rows; all own rows of all sequences, one
/// after the other, are the matrix that the layers run over. Pure bookkeeping.
struct PrefillPlan {
  /// What the batch is asked to compute.
  struct Member {
    /// Tokens with [REC].
    var length: Int
    /// Names of the prompt's whole blocks; none when it may share nothing.
    var keys: [PrefixKey] = []
    /// Blocks whose keys and values the cache has lent.
    var cached: [KeyValueBlock] = []
  }

  /// Rows of another sequence that come before a sequence's own.
  struct SharedRows: Equatable {
    /// Of the sequence that computes them.
    let sequence: Int
    /// First one, counted from that sequence's first own row.
    let offset: Int
    var count: Int
  }

  struct Sequence {
    let cached: [KeyValueBlock]
    /// Behind the cached positions, in reading order; of earlier sequences alone.
    let shared: [SharedRows]
    /// Position of the first own row.
    let firstPosition: Int
    /// Own rows in the packed matrix. Empty once nobody needs them.
    fileprivate(set) var rows: Range<Int>
    /// Blocks to fill with own keys and values, with their first position's offset from the first own row.
    var fills: [(offset: Int, key: PrefixKey, block: KeyValueBlock)] = []
    /// The name of the block before the first own row, nil when there is none.
    let parent: PrefixKey?
    /// Names of the whole blocks among the own rows.
    let ownKeys: ArraySlice<PrefixKey>
    /// False once nobody waits for its result: then others need its rows, or it has none.
    fileprivate(set) var isWanted = true
    /// Own rows, from the first on, whose keys and values are finite; nil while all are.
    fileprivate(set) var soundRows: Int?

    /// Keys that its last row sees.
    var keyCount: Int { firstPosition + rows.count }
    /// Whether a value that is not finite lies before its result.
    var isSpoilt: Bool { soundRows != nil }
    /// Whole blocks of own rows that others may read.
    fileprivate func soundBlocks(of positions: Int) -> Int { min(rows.count, soundRows ?? rows.count) / positions }
  }

  let positionsPerBlock: Int
  /// In the members' order.
  private(set) var sequences: [Sequence]

  init(_ members: [Member], positionsPerBlock: Int) {
    self.positionsPerBlock = positionsPerBlock
    sequences = []
    var computed: [PrefixKey: (sequence: Int, offset: Int)] = [:]
    var start = 0
    for member in members {
      let sequence = Self.sequence(member, start: start, computed, positionsPerBlock)
      for (index, key) in sequence.ownKeys.enumerated() {
        computed[key] = (sequences.count, index * positionsPerBlock)
      }
      start = sequence.rows.upperBound
      sequences.append(sequence)
    }
  }

  private static func sequence(
    _ member: Member, start: Int, _ computed: [PrefixKey: (sequence: Int, offset: Int)], _ positionsPerBlock: Int
  ) -> Sequence {
    precondition(member.cached.count <= member.keys.count && member.keys.count * positionsPerBlock < member.length)
    var shared: [SharedRows] = []
    var blocks = member.cached.count
    while blocks < member.keys.count, let place = computed[member.keys[blocks]] {
      if let last = shared.last, last.sequence == place.sequence, last.offset + last.count == place.offset {
        shared[shared.count - 1].count += positionsPerBlock
      } else {
        shared.append(SharedRows(sequence: place.sequence, offset: place.offset, count: positionsPerBlock))
      }
      blocks += 1
    }
    let firstPosition = blocks * positionsPerBlock
    return Sequence(
      cached: member.cached, shared: shared, firstPosition: firstPosition,
      rows: start..<start + member.length - firstPosition, parent: blocks == 0 ? nil : member.keys[blocks - 1],
      ownKeys: member.keys[blocks...])
  }

  /// Rows of the packed matrix.
  var rowCount: Int { sequences.last?.rows.upperBound ?? 0 }

  /// The position of each row of the packed matrix.
  var positions: [Int32] {
    sequences.flatMap { sequence in
      (0..<sequence.rows.count).map { Int32(sequence.firstPosition + $0) }
    }
  }

  /// Sequences whose result is wanted and can be had.
  var wanted: [Int] { sequences.indices.filter { sequences[$0].isWanted && !sequences[$0].isSpoilt } }

  /// Blocks that the own rows would fill.
  var unfilledBlocks: Int { sequences.reduce(0) { $0 + $1.ownKeys.count } }

  /// Gives the sequences memory for their own keys and values: the first ones first when there is too little.
  mutating func assign(_ blocks: [KeyValueBlock]) {
    var rest = blocks[...]
    for index in sequences.indices {
      for (block, key) in sequences[index].ownKeys.enumerated() {
        guard let memory = rest.popFirst() else { return }
        sequences[index].fills.append((block * positionsPerBlock, key, memory))
      }
    }
  }

  /// Blocks that one sequence has filled, which continue the block named `parent`.
  typealias FilledChain = (parent: PrefixKey?, chain: [(key: PrefixKey, block: KeyValueBlock)])

  /// What the sequences have computed, once every layer has run, and the blocks that were not filled.
  mutating func takeFills() -> (filled: [FilledChain], unfilled: [KeyValueBlock]) {
    var filled: [FilledChain] = []
    var unfilled: [KeyValueBlock] = []
    for index in sequences.indices {
      let sequence = sequences[index]
      let whole = sequence.soundBlocks(of: positionsPerBlock)
      filled.append((sequence.parent, sequence.fills.prefix(whole).map { ($0.key, $0.block) }))
      unfilled += sequence.fills.dropFirst(whole).map(\.block)
      sequences[index].fills = []
    }
    return (filled, unfilled)
  }

  /// Notes that own rows of some sequences, from a row on, are not finite: neither they nor sequences that share them have a
  /// result, and nobody else may read them.
  ///
  /// - Parameter firstRows: a sequence and its first such row, counted from its first own one.
  mutating func spoil(_ firstRows: [(sequence: Int, row: Int)]) {
    for (index, row) in firstRows {
      sequences[index].soundRows = min(row, sequences[index].soundRows ?? row)
    }
    // Sequences share rows of earlier ones only.
    for (index, sequence) in sequences.enumerated() {
      let reads = sequence.shared.contains { run in
        sequences[run.sequence].soundRows.map { run.offset + run.count > $0 } ?? false
      }
      if reads { sequences[index].soundRows = 0 }
    }
  }

  /// Takes sequences that nobody waits for any more, and those that have no result, out of the batch; rows that others share
  /// stay.
  ///
  /// - Returns: the rows of the packed matrix that are left, or nil when nothing changes.
  mutating func drop(where isCancelled: (Int) -> Bool) -> [Int]? {
    let dropped = sequences.indices.filter {
      sequences[$0].isWanted && (sequences[$0].isSpoilt || isCancelled($0))
    }
    guard !dropped.isEmpty else { return nil }
    for index in dropped { sequences[index].isWanted = false }
    let before = sequences.map(\.rows)
    let lengths = neededRows()
    var kept: [Int] = []
    for index in sequences.indices {
      sequences[index].rows = kept.count..<kept.count + lengths[index]
      kept += before[index].prefix(lengths[index])
    }
    return kept
  }

  /// How many own rows of each sequence somebody needs, itself or another.
  private func neededRows() -> [Int] {
    var needed = sequences.map { $0.isWanted ? $0.rows.count : 0 }
    // Sequences share rows of earlier ones only, so a later one's need is known before those that it needs.
    for index in sequences.indices.reversed() where needed[index] > 0 {
      for run in sequences[index].shared {
        needed[run.sequence] = max(needed[run.sequence], run.offset + run.count)
      }
    }
    return needed
  }
}
