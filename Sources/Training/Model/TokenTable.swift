// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Where prompts' token embeddings come from: a parameter, or rows that stay as they are in their file.
struct TokenTable {
  /// Nil when the embeddings are not trained.
  let parameter: Parameter?
  private let frozen: EmbeddingTable

  var rows: Int { frozen.rows }

  /// - Parameter tokenCount: rows that a trained table has at least. Those that `table` lacks are never looked up; they hold
  ///   the mean of the others, so that the published code finds one for each token.
  init(_ table: EmbeddingTable, isTrained: Bool, tokenCount: Int) {
    frozen = table
    guard isTrained else {
      parameter = nil
      return
    }
    let parameter = Parameter("token_embed", shape: [max(table.rows, tokenCount), table.width])
    let known = table.rows * table.width
    table.copyRows(to: UnsafeMutableBufferPointer(rebasing: parameter.values[..<known]))
    if known < parameter.count {
      let mean = Self.mean(of: parameter.values[..<known], width: table.width)
      for start in stride(from: known, to: parameter.count, by: table.width) {
        _ = UnsafeMutableBufferPointer(rebasing: parameter.values[start..<start + table.width]).update(
          fromContentsOf: mean)
      }
    }
    self.parameter = parameter
  }

  private static func mean(of rows: Slice<UnsafeMutableBufferPointer<Float>>, width: Int) -> [Float] {
    var sums = [Double](repeating: 0, count: width)
    for (index, value) in rows.enumerated() { sums[index % width] += Double(value) }
    return sums.map { Float($0 / Double(rows.count / width)) }
  }

  /// Overwrites row `row` of `target` with the embedding of a token.
  func copy(_ token: Int32, toRow row: Int, of target: inout Activations) {
    if let parameter {
      target.setRow(row, toRow: Int(token), of: parameter.tensor)
    } else {
      target.setRow(row, toRow: Int(token), of: frozen)
    }
  }
}
