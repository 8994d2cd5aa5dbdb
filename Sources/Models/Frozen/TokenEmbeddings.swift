// SPDX-License-Identifier: Apache-2.0

import Kernels

/// The rows that a training's prompts read for their tokens: the frozen LLM's own, but for those that were trained.
///
/// Most of a vocabulary never occurs in what is trained on, and a row without a gradient stays as it was: what a training
/// holds beside the frozen table are the rows that differ. Where more than half do, it holds a table of its own.
final class TokenEmbeddings: Sendable {
  /// V or more.
  let rows: Int
  /// Shared by all trainings, or this one's own.
  private let table: EmbeddingTable
  /// Rows of the training's own, in place of those of `table`; nil when it has none.
  private let own: EmbeddingTable?
  /// For each row its place in `own`, or -1 for that of `table`; empty without `own`.
  private let places: [Int32]

  /// The frozen LLM's own, as they are.
  init(frozen: EmbeddingTable) {
    rows = frozen.rows
    table = frozen
    own = nil
    places = []
  }

  /// - Parameters:
  ///   - trained: read here alone, so that its file may change afterwards.
  ///   - frozen: nil when the LLM has none that can be used.
  init(trained: EmbeddingTable, over frozen: EmbeddingTable?) {
    rows = trained.rows
    let different = frozen.map { trained.rowsThatDiffer(from: $0) } ?? Array(0..<trained.rows)
    guard let frozen, different.count <= trained.rows / 2 else {
      table = trained.gathered(Array(0..<trained.rows))
      own = nil
      places = []
      return
    }
    table = frozen
    guard !different.isEmpty else {
      own = nil
      places = []
      return
    }
    own = trained.gathered(different)
    var places = [Int32](repeating: -1, count: trained.rows)
    for (place, row) in different.enumerated() { places[row] = Int32(place) }
    self.places = places
  }

  /// Whether its rows are those of `frozen`, but for some that it holds itself.
  func shares(_ frozen: EmbeddingTable?) -> Bool { table === frozen }

  /// What it holds beside `frozen`.
  func ownBytes(beside frozen: EmbeddingTable?) -> Int {
    (shares(frozen) ? 0 : table.byteCount) + (own?.byteCount ?? 0) + places.count * MemoryLayout<Int32>.size
  }

  /// Overwrites row `row` of `target` with the embedding of `token`.
  func write(_ token: Int, toRow row: Int, of target: inout Activations) {
    precondition(token >= 0 && token < rows, "token \(token) of \(rows)")
    if let own, places[token] >= 0 {
      target.setRow(row, toRow: Int(places[token]), of: own)
    } else {
      target.setRow(row, toRow: token, of: table)
    }
  }
}
