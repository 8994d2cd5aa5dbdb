// SPDX-License-Identifier: Apache-2.0

import CKernels

extension ComputeTeam {
  /// Cross entropy of a softmax over each row, and its gradient.
  ///
  ///     losses[t] = log(zeros + sum over v of exp(logits[t, v])) - logits[t, targets[t]]
  ///     dlogits[t, v] = scale · (softmax(logits[t, :])[v] - (v == targets[t] ? 1 : 0))
  ///
  /// - Parameters:
  ///   - logits: [T, V]; become dlogits.
  ///   - zeros: classes beyond V whose logit is always 0, which the softmax counts too.
  ///   - targets: [T], below V.
  /// - Returns: the losses in nats, [T]; NaN where a row holds one.
  package func crossEntropy(
    _ logits: inout Activations, zeros: Int = 0, targets: [Int32], scale: Float, instructionSet: InstructionSet? = nil
  ) -> [Float] {
    let vocabulary = logits.width
    precondition(targets.count == logits.rows && targets.allSatisfy { $0 >= 0 && Int($0) < vocabulary })
    return [Float](unsafeUninitializedCapacity: targets.count) { losses, count in
      illmrec_cross_entropy(
        handle, InstructionSet.constant(of: instructionSet), logits.base, logits.rows, vocabulary, zeros, targets,
        scale, losses.baseAddress)
      count = targets.count
    }
  }

  /// Binary cross entropy of the logistic function, and its gradient.
  ///
  ///     loss = sum over i of log(1 + exp(scores[i])) - label · scores[i]
  ///     dscores[i] = scale · (1 / (1 + exp(-scores[i])) - label)
  ///
  /// - Parameter label: 0 or 1.
  /// - Returns: the loss in nats.
  package static func binaryCrossEntropy(
    _ scores: [Float], label: Float, scale: Float
  ) -> (loss: Double, dscores: [Float]) {
    var loss = 0.0
    let dscores = [Float](unsafeUninitializedCapacity: scores.count) { out, count in
      loss = illmrec_bce_with_logits(scores, scores.count, label, scale, out.baseAddress)
      count = scores.count
    }
    return (loss, dscores)
  }

  /// Binary cross entropy of the inner products of users with items, and its gradients by both.
  ///
  ///     scores[t, i] = sum over j of users[t, j] · items[i, j]
  ///     losses[t] = sum over i of weights[t, i] · (log(1 + exp(scores[t, i])) - (i == targets[t] ? scores[t, i] : 0))
  ///
  /// - Parameters:
  ///   - users: [T, p].
  ///   - items: [I, p].
  ///   - weights: [T, I]; a pair of weight 0 counts nothing.
  ///   - targets: the one item that each user's score is to be high with, [T].
  ///   - scale: of the gradients.
  ///   - dusers: [T, p], overwritten.
  ///   - ditems: [I, p], added to.
  /// - Returns: the losses in nats, [T].
  package func binaryCrossEntropy(
    users: borrowing Activations, items: borrowing Activations, weights: [Float], targets: [Int32], scale: Float,
    dusers: inout Activations, addingTo ditems: inout Activations
  ) -> [Double] {
    precondition(users.width == items.width && dusers.width == users.width && ditems.width == items.width)
    precondition(dusers.rows == users.rows && ditems.rows == items.rows && targets.count == users.rows)
    precondition(weights.count == users.rows * items.rows)
    precondition(targets.allSatisfy { $0 >= 0 && Int($0) < items.rows })
    let (rows, count, width) = (users.rows, items.rows, users.width)
    var scores = [Float](repeating: 0, count: rows * count)
    let status = illmrec_linear(
      handle, ILLMREC_ISA_BEST, users.base, rows, width, width, items.base, count, nil, 0, &scores, count)
    guard status == 0 else { fatalError("no memory for \(rows) rows of \(width) in another form") }
    let losses = [Double](unsafeUninitializedCapacity: rows) { losses, written in
      illmrec_weighted_bce(&scores, weights, rows, count, targets, losses.baseAddress)
      written = rows
    }
    for index in scores.indices { scores[index] *= scale }
    illmrec_linear_backward_input(handle, scores, rows, count, count, items.base, width, 0, dusers.base, width)
    illmrec_linear_backward_weight(handle, scores, rows, count, count, users.base, width, width, ditems.base, nil)
    return losses
  }
}
