// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Cross entropy of a softmax over candidates that were sampled, each corrected by how often it is expected among them.
///
///     logits[t, c] = users[t] · items[c] / temperature - logExpectedCounts[c]
///     losses[t] = log(sum over c of exp(logits[t, c])) - logits[t, targets[t]], over the candidates that are not hidden from t
///
/// Letters: T users, C candidates, p width of all spaces together.
///
/// - Source: Bengio & Senécal 2008; the correction in batches of Yi et al. 2019.
struct JointSoftmax {
  /// Far below every score, and finite, so that no difference of two is a NaN.
  private static let hiddenLogit: Float = -1e30

  /// Items' vectors [C, p] as values, with the loss's gradient by them.
  let items: Parameter
  /// The negative of what logits are corrected by [C].
  private let corrections: Parameter
  let temperature: Float

  var width: Int { items.shape[1] }

  /// - Parameter width: p.
  init(candidates: Int, width: Int, logExpectedCounts: [Float], temperature: Float) {
    items = Parameter("item vectors", shape: [candidates, width])
    corrections = Parameter("corrections", shape: [candidates], values: logExpectedCounts.map { -$0 })
    self.temperature = temperature
  }

  /// Sets a block of some candidates' vectors; the others' stays as it is, zeros at the beginning.
  ///
  /// - Parameters:
  ///   - vectors: of these candidates, in their order.
  ///   - element: where the block begins.
  func setItems(_ candidates: [Int], to vectors: borrowing Activations, at element: Int) {
    for (row, candidate) in candidates.enumerated() {
      let target = items.values[place(candidate, element, vectors.width)]
      _ = UnsafeMutableBufferPointer(rebasing: target).update(fromContentsOf: vectors[row: row])
    }
  }

  /// Adds a block of the gradient by some candidates' vectors to rows, in their order.
  func addItemGradient(of candidates: [Int], at element: Int, to rows: inout Activations) {
    for (row, candidate) in candidates.enumerated() {
      let gradient = items.gradient[place(candidate, element, rows.width)]
      rows.setRow(row, to: zip(rows[row: row], gradient).map { $0 + $1 })
    }
  }

  private func place(_ candidate: Int, _ element: Int, _ count: Int) -> Range<Int> {
    let start = candidate * width + element
    return start..<start + count
  }

  /// - Parameters:
  ///   - users: [T, p].
  ///   - targets: of each user, its candidate.
  ///   - isHidden: whether a candidate does not count for a user, each by its index; targets always count.
  ///   - scale: of the gradients; those by the items are added to their `gradient`.
  ///   - dusers: `scale` times the sum of the losses' gradient by the users' vectors [T, p], overwritten.
  /// - Returns: the losses in nats, [T].
  func losses(
    users: borrowing Activations, targets: [Int32], isHidden: (_ user: Int, _ candidate: Int) -> Bool, scale: Float,
    dusers: inout Activations, on team: ComputeTeam
  ) -> [Float] {
    let scaled = Activations(rows: users.rows, width: width, values: users.values.map { $0 / temperature })
    var logits = Activations(rows: users.rows, width: items.shape[0])
    team.linear(scaled, items.tensor, bias: corrections.tensor, into: &logits)
    for user in 0..<users.rows {
      var row = logits[row: user]
      for candidate in row.indices where Int32(candidate) != targets[user] && isHidden(user, candidate) {
        row[candidate] = Self.hiddenLogit
      }
      logits.setRow(user, to: row)
    }
    let losses = team.crossEntropy(&logits, targets: targets, scale: scale)
    guard scale != 0 else { return losses }
    team.addLinearGradient(logits, of: scaled, to: items.tensor)
    var dscaled = Activations(rows: users.rows, width: width)
    team.linearBackward(logits, through: items.tensor, into: &dscaled)
    for user in 0..<users.rows { dusers.setRow(user, to: dscaled[row: user].map { $0 / temperature }) }
    return losses
  }
}
