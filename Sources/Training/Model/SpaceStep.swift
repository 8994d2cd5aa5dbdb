import Kernels

/// One space's item vectors in a training step, and the loss's gradients by them.
final class SpaceStep {
  let projections: TrainableRecommender.SpaceProjections
  /// Of each sample with a target here, the row of its positive item; the negative one follows.
  let firstRow: [Int: Int]
  private let pass: TrainablePerceptron.Pass
  private var ditems: Activations  // [items, p]

  /// Nil when no sample has a target here.
  init?(_ projections: TrainableRecommender.SpaceProjections, _ batch: [TrainingSample], on team: ComputeTeam) {
    self.projections = projections
    var firstRow: [Int: Int] = [:]
    var features: [Float] = []
    for (index, sample) in batch.enumerated() {
      guard let target = sample.targets.first(where: { $0.space == projections.space }) else { continue }
      firstRow[index] = 2 * firstRow.count
      features += target.positive + target.negative
    }
    guard !firstRow.isEmpty else { return nil }
    self.firstRow = firstRow
    let items = Activations(rows: 2 * firstRow.count, width: projections.item.inputs, values: features)
    pass = projections.item.forward(items, on: team)
    ditems = Activations(rows: 2 * firstRow.count, width: projections.item.outputs)
    ditems.clear()
  }

  /// BCE-with-logits of a sample's two items.
  ///
  /// - Parameters:
  ///   - user: [p].
  ///   - scale: of the gradients; those by the items are kept for `backward`.
  /// - Returns: the loss, and `scale` times its gradient by the user's vector [p].
  func loss(ofSample sample: Int, user: [Float], scale: Float) -> (loss: Double, duser: [Float]) {
    guard let row = firstRow[sample] else { preconditionFailure("sample \(sample) has no target here") }
    var total = 0.0
    var duser = [Float](repeating: 0, count: user.count)
    for (row, label) in [(row, Float(1)), (row + 1, 0)] {
      let item = pass.output[row: row]
      let score = zip(user, item).reduce(Float(0)) { $0 + $1.0 * $1.1 }
      let (loss, dscores) = ComputeTeam.binaryCrossEntropy([score], label: label, scale: scale)
      total += loss
      for index in duser.indices { duser[index] += dscores[0] * item[index] }
      ditems.setRow(row, to: user.map { dscores[0] * $0 })
    }
    return (total, duser)
  }

  func backward(on team: ComputeTeam) { projections.item.backward(ditems, pass, on: team) }
}
