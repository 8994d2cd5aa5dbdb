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
