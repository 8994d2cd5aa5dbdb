// SPDX-License-Identifier: Apache-2.0

import Kernels

extension SentenceEncoder {
  /// Tokens that go through the encoder together: the matrix products are at full speed and the values stay small.
  private static let tokensAtOnce = 2048

  /// The vectors of many texts: [texts, D]. Texts of like length are computed together, without padding, the longest first.
  ///
  /// - Parameters:
  ///   - done: called after each batch with the places of its texts and their vectors; what it throws ends the work.
  package func encode<Failure: Error>(
    _ texts: [String], done: ([Int], Matrix) throws(Failure) -> Void
  ) throws {
    let tokens = self.tokens(of: texts)
    for batch in Self.batches(lengths: tokens.map(\.count)) {
      try done(batch, try vectors(ofTokens: batch.map { tokens[$0] }))
    }
  }

  /// The vectors of texts, in their order.
  package func encode(_ texts: [String]) throws(ModelError) -> Matrix {
    var vectors = Matrix(rows: texts.count, columns: width)
    let tokens = self.tokens(of: texts)
    for batch in Self.batches(lengths: tokens.map(\.count)) {
      let found = try self.vectors(ofTokens: batch.map { tokens[$0] })
      for (row, place) in batch.enumerated() {
        vectors.replace(row: place, with: found[row: row])
      }
    }
    return vectors
  }

  /// Ids of every text, on all threads.
  private func tokens(of texts: [String]) -> [[Int32]] {
    let results = ComputeTeam.Results<[Int32]>(count: texts.count)
    team.forEach(texts.count) { results[$0] = tokens(of: texts[$0]) }
    return results.values
  }

  /// How many tokens every text has before it is cut.
  package func lengths(of texts: [String]) -> [Int] {
    let results = ComputeTeam.Results<Int>(count: texts.count)
    team.forEach(texts.count) { results[$0] = wholeLength(of: texts[$0]) }
    return results.values
  }

  /// Places of texts that are computed together, longest first; equals stay in their order.
  static func batches(lengths: [Int]) -> [[Int]] {
    let order = lengths.indices.sorted { (-lengths[$0], $0) < (-lengths[$1], $1) }
    var batches: [[Int]] = []
    var tokens = 0
    for place in order {
      if batches.isEmpty || tokens + lengths[place] > tokensAtOnce {
        batches.append([])
        tokens = 0
      }
      batches[batches.count - 1].append(place)
      tokens += lengths[place]
    }
    return batches
  }
}
