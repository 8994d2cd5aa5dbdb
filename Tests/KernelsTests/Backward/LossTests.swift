// SPDX-License-Identifier: Apache-2.0

import CKernelReferences
import CKernels
import Kernels
import TestSupport
import Testing

@Suite("Losses and their gradients are exact")
struct LossTests {
  static let sizes = [(1, 1), (1, 3), (3, 64), (5, 129), (2, 33_001)]
  // Sums of up to 33,001 exponentials in 16 or more lanes.
  static let tolerance: Float = 3e-6

  @Test(arguments: sizes, InstructionSet.supported)
  func `Cross-entropy and its gradient match the definition`(
    _ size: (rows: Int, vocabulary: Int), instructionSet: InstructionSet
  ) {
    var random = SeededGenerator(seed: UInt64(size.vocabulary))
    let count = size.rows * size.vocabulary
    let logits = random.doubles(count, scale: 8)
    let targets = (0..<size.rows).map { Int32($0 * 977 % size.vocabulary) }
    var dlogits = [Double].zeros(count)
    let loss = reference64_cross_entropy(logits, size.rows, size.vocabulary, targets, &dlogits)
    if count < 1000 {
      let error = FiniteDifferences.error(of: dlogits, at: logits) {
        reference64_cross_entropy($0, size.rows, size.vocabulary, targets, nil)
      }
      #expect(error < FiniteDifferences.tolerance)
    }
    var found = Activations(rows: size.rows, width: size.vocabulary, values: logits.floats)
    let losses = ComputeTeam(threads: 2).crossEntropy(
      &found, targets: targets, scale: 0.5, instructionSet: instructionSet)
    #expect(
      abs(losses.reduce(0) { $0 + Double($1) } - loss) <= Double(Self.tolerance) * max(loss, 1))
    // Probabilities are at most 1 and rounded where the target's 1 is taken off.
    #expect(zip(found.values, dlogits).allSatisfy { abs($0 - Float($1) / 2) < 1e-6 })
  }

  @Test(arguments: [1, 3]) func `Logits of zero that nobody names count`(_ zeros: Int) {
    var random = SeededGenerator(seed: 3)
    let named = random.doubles(2 * 20, scale: 3)
    let all = (0..<2).flatMap { Array(named[$0 * 20..<($0 + 1) * 20]) + [Double].zeros(zeros) }
    var dlogits = [Double].zeros(all.count)
    let loss = reference64_cross_entropy(all, 2, 20 + zeros, [4, 9], &dlogits)
    var found = Activations(rows: 2, width: 20, values: named.floats)
    let losses = ComputeTeam(threads: 1).crossEntropy(&found, zeros: zeros, targets: [4, 9], scale: 1)
    #expect(abs(losses.reduce(0) { $0 + Double($1) } - loss) < 1e-6 * loss)
    for row in 0..<2 {
      let expected = dlogits[row * (20 + zeros)..<row * (20 + zeros) + 20].map(Float.init)
      #expect(relativeError(found[row: row], expected) < Self.tolerance)
    }
  }

  @Test(arguments: InstructionSet.supported) func `Large logits do not overflow and NaN shows`(
    _ instructionSet: InstructionSet
  ) {
    var logits = Activations(rows: 2, width: 70, values: (0..<140).map { Float($0 % 70) * 1e30 })
    let losses = ComputeTeam(threads: 1).crossEntropy(
      &logits, targets: [69, 0], scale: 1, instructionSet: instructionSet)
    #expect(losses[0] == 0 && losses[1] > 6e31 && logits.values.allSatisfy(\.isFinite))
    var broken = Activations(rows: 1, width: 70, values: [.nan] + [Float](repeating: 1, count: 69))
    #expect(ComputeTeam(threads: 1).crossEntropy(&broken, targets: [1], scale: 1)[0].isNaN)
  }

  @Test func `Binary cross-entropy and its gradient match the definition`() {
    let scores: [Double] = [-30, -3, -0.25, 0, 1, 4, 30]
    for label in [0.0, 1] {
      var dscores = [Double].zeros(scores.count)
      let loss = reference64_bce_with_logits(scores, scores.count, label, &dscores)
      let error = FiniteDifferences.error(of: dscores, at: scores) {
        reference64_bce_with_logits($0, scores.count, label, nil)
      }
      #expect(error < FiniteDifferences.tolerance)
      let found = ComputeTeam.binaryCrossEntropy(scores.floats, label: Float(label), scale: 2)
      #expect(abs(found.loss - loss) < 1e-6 * loss)
      #expect(relativeError(found.dscores, dscores.floats.map { 2 * $0 }) < Self.tolerance)
    }
    let extreme = ComputeTeam.binaryCrossEntropy([1e30, -1e30], label: 1, scale: 1)
    #expect(abs(extreme.loss / 1e30 - 1) < 1e-6 && extreme.dscores == [0, -1])
  }

  /// Pair by pair, and the gradients as sums over the pairs.
  @Test func `Binary cross-entropy of users with items matches the definition`() {
    var random = SeededGenerator(seed: 4)
    let (users, items) = ((0..<3).map { _ in random.uniform(5) }, (0..<4).map { _ in random.uniform(5) })
    let weights: [[Float]] = [[0.5, 0.25, 0, 1], [0, 0, 2, 0.5], [1, 0, 0, 0]]
    let targets: [Int32] = [1, 2, 3]
    var losses = [0.0, 0, 0]
    var (dusers, ditems) = (
      [[Float]](repeating: [Float](repeating: 0, count: 5), count: 3),
      [[Float]](repeating: [Float](repeating: 0.125, count: 5), count: 4)
    )
    for user in 0..<3 {
      for item in 0..<4 {
        let score = zip(users[user], items[item]).reduce(Float(0)) { $0 + $1.0 * $1.1 }
        let label: Float = targets[user] == item ? 1 : 0
        let pair = ComputeTeam.binaryCrossEntropy([score], label: label, scale: weights[user][item])
        losses[user] += Double(weights[user][item]) * pair.loss
        for index in 0..<5 {
          dusers[user][index] += 2 * pair.dscores[0] * items[item][index]
          ditems[item][index] += 2 * pair.dscores[0] * users[user][index]
        }
      }
    }
    var foundUsers = Activations(rows: 3, width: 5)
    var foundItems = Activations(rows: 4, width: 5, values: [Float](repeating: 0.125, count: 20))
    let found = ComputeTeam(threads: 2).binaryCrossEntropy(
      users: Activations(rows: 3, width: 5, values: users.flatMap { $0 }),
      items: Activations(rows: 4, width: 5, values: items.flatMap { $0 }), weights: weights.flatMap { $0 },
      targets: targets, scale: 2, dusers: &foundUsers, addingTo: &foundItems)
    for (found, loss) in zip(found, losses) { #expect(abs(found - loss) < 1e-6) }
    #expect(relativeError(foundUsers.values, dusers.flatMap { $0 }) < Self.tolerance)
    #expect(relativeError(foundItems.values, ditems.flatMap { $0 }) < Self.tolerance)
  }

  @Test func `A pair of weight zero counts nothing whatever its score`() {
    var dusers = Activations(rows: 1, width: 1)
    var ditems = Activations(rows: 2, width: 1, values: [0, 0])
    let losses = ComputeTeam(threads: 1).binaryCrossEntropy(
      users: Activations(rows: 1, width: 1, values: [1]), items: Activations(rows: 2, width: 1, values: [0, 1e30]),
      weights: [1, 0], targets: [0], scale: 1, dusers: &dusers, addingTo: &ditems)
    #expect(abs(losses[0] - 0.693147) < 1e-6 && ditems.values == [-0.5, 0])
  }
}
