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
}
