// SPDX-License-Identifier: Apache-2.0

/// Several methods as one: late fusion of what each says of the candidates.
///
///     score(user, i) = sum over the methods of weight · (score_m(user, i) - mean_m) / deviation_m
///
/// Mean and deviation are over the user's candidates, so that no method counts for more because its scores are larger.
package struct FusedMethod: RankingMethod {
  package let name: String
  package let parts: [any RankingMethod]
  /// One for each part, none negative.
  package let weights: [Float]

  package init(name: String, parts: [any RankingMethod], weights: [Float]) {
    precondition(!parts.isEmpty && parts.count == weights.count && weights.allSatisfy { $0 >= 0 && $0.isFinite })
    (self.name, self.parts, self.weights) = (name, parts, weights)
  }

  package var usersAtOnce: Int { parts.map(\.usersAtOnce).min() ?? 1 }

  package func scores(of queries: [RankingQuery]) throws -> [[Float]] {
    try Self.fused(parts.map { try $0.scores(of: queries).map(Self.standardised) }, weights)
  }

  package func promptTokens(of queries: [RankingQuery]) throws -> [Int]? {
    for part in parts { if let tokens = try part.promptTokens(of: queries) { return tokens } }
    return nil
  }

  package func tells(of query: RankingQuery) throws -> Bool { try parts.contains { try $0.tells(of: query) } }

  /// - Parameter standardised: [part][query][candidate]
  static func fused(_ standardised: [[[Float]]], _ weights: [Float]) -> [[Float]] {
    standardised[0].indices.map { query in
      standardised[0][query].indices.map { candidate in
        var score: Float = 0
        for (part, weight) in weights.enumerated() where weight != 0 {
          score += weight * standardised[part][query][candidate]
        }
        return score
      }
    }
  }

  /// Of one user's candidates. What a method did not name gets its lowest score; scores that are all alike say nothing.
  static func standardised(_ scores: [Float]) -> [Float] {
    let named = scores.filter(\.isFinite).map(Double.init)
    guard let lowest = named.min() else { return scores.map { _ in 0 } }
    let filled = scores.map { $0.isFinite ? Double($0) : lowest }
    let mean = filled.reduce(0, +) / Double(filled.count)
    let deviation = (filled.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(filled.count)).squareRoot()
    return filled.map { deviation > 0 ? Float(($0 - mean) / deviation) : 0 }
  }
}
