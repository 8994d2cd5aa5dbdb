// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Kernels
import Testing

@testable import Training

@Suite("SASRec computes as its reference does") struct SASRecNetworkTests {
  static func small(heads: Int = 1, seed: UInt64 = 3) -> SASRecWeights {
    var settings = SASRecSettings()
    settings.width = 6
    settings.heads = heads
    settings.length = 5
    settings.seed = seed
    let network = SASRecNetwork(settings, items: 9, team: ComputeTeam(threads: 1))
    // Biases and norms as they are after some training: at their start many gradients vanish.
    var random = SplitMix64(state: seed)
    for parameter in network.parameters where parameter.shape.count == 1 {
      for index in parameter.values.indices { parameter.values[index] += Float(0.3 * random.nextNormal()) }
    }
    return network.weights
  }

  /// Histories shorter than the length, as long, and longer.
  static let histories: [[Int]] = [[1, 4], [0, 2, 8, 3, 5], [7], [6, 5, 4, 3, 2, 1, 0]]
  private static let next: [Int32] = [4, 7, 2, 8, 3, 5, 1, 0, 3, 2, 1, 0, 8]
  private static let negatives: [Int32] = [0, 1, 5, 6, 7, 8, 8, 3, 3, 8, 7, 6, 5]

  @Test(arguments: [1, 2]) func `Scores are those of the reference`(heads: Int) {
    let weights = Self.small(heads: heads)
    let reference = SASRecReference(weights)
    let queries = Self.histories.enumerated().map { index, history in
      RankingQuery(user: index, history: history, candidates: [8, 0, 3])
    }
    let scores = SASRec(weights: weights, threads: 2).scores(of: queries)
    for (query, scores) in zip(queries, scores) {
      let row = reference.output(of: query.history)[min(query.history.count, 5) - 1]
      for (item, score) in zip(query.candidates, scores) {
        // Sums of a few dozen products of 32-bit numbers around 1.
        #expect(abs(Double(score) - reference.score(row, item)) < 1e-5)
      }
    }
  }

  /// Of both losses.
  @Test(arguments: [1, 2], [SASRecLoss.binary, .crossEntropy])
  func `Gradients agree with finite differences`(heads: Int, kind: SASRecLoss) {
    let weights = Self.small(heads: heads)
    let network = SASRecNetwork(weights, team: ComputeTeam(threads: 2))
    let batch = SASRecBatch(Self.histories.map { $0[...] }, length: 5)
    let others = kind == .binary ? SASRecNetwork.Others.negatives(Self.negatives) : .all
    let loss = network.addGradients(of: batch, next: Self.next, against: others)
    var reference = SASRecReference(weights)
    // Losses around 2 nats in 32-bit floats.
    #expect(abs(loss - Self.loss(kind, reference)) < 2e-6)
    let step = 1e-5
    for parameter in network.parameters {
      // A third of them all, a few of each.
      for index in stride(from: 0, to: parameter.count, by: 3) {
        let value = Double(parameter.values[index])
        reference.tensors[parameter.name]![index] = value + step
        let above = Self.loss(kind, reference)
        reference.tensors[parameter.name]![index] = value - step
        let below = Self.loss(kind, reference)
        reference.tensors[parameter.name]![index] = value
        let expected = (above - below) / (2 * step)
        // Gradients are up to 1 and come from a hundred 32-bit roundings; the difference itself is good to 1e-9.
        #expect(
          abs(Double(parameter.gradient[index]) - expected) < 2e-6 + 1e-5 * abs(expected),
          "\(parameter.name)[\(index)]")
      }
    }
  }

  private static func loss(_ kind: SASRecLoss, _ reference: SASRecReference) -> Double {
    kind == .binary
      ? reference.loss(of: histories, next: next, negatives: negatives)
      : reference.crossEntropy(of: histories, next: next, items: 9)
  }

  /// The gradient of the loss with some elements dropped, along the gradient itself.
  @Test func `Gradients go through dropout`() {
    let network = SASRecNetwork(Self.small(), team: ComputeTeam(threads: 1))
    let batch = SASRecBatch(Self.histories.map { $0[...] }, length: 5)
    let dropout = SASRecDropout(probability: 0.4, seed: 11)
    func loss() -> Double {
      network.addGradients(of: batch, next: Self.next, against: .negatives(Self.negatives), dropout: dropout)
    }
    let start = loss()
    #expect(start == loss())
    for parameter in network.parameters { parameter.clearGradient() }
    _ = loss()
    let gradients = network.parameters.map { Array($0.gradient) }
    let square = gradients.joined().reduce(0) { $0 + Double($1) * Double($1) }
    func move(_ distance: Float) {
      for (parameter, gradient) in zip(network.parameters, gradients) {
        for index in gradient.indices { parameter.values[index] += distance * gradient[index] }
      }
    }
    move(0.01)
    let above = loss()
    move(-0.02)
    let below = loss()
    // Curvature and ReLUs that switch on the way take a few per cent.
    #expect(abs((above - below) / 0.02 - square) < 0.05 * square)
    #expect(
      SASRecNetwork(Self.small(), team: ComputeTeam(threads: 1)).addGradients(
        of: batch, next: Self.next, against: .negatives(Self.negatives)) != start)
  }

  @Test func `A history scores the same alone and with others`() {
    let method = SASRec(weights: Self.small(), threads: 1)
    let queries = Self.histories.enumerated().map { index, history in
      RankingQuery(user: index, history: history, candidates: Array(0..<9))
    }
    #expect(method.scores(of: queries) == queries.flatMap { method.scores(of: [$0]) })
  }

  @Test func `Only the newest items count`() {
    let method = SASRec(weights: Self.small(), threads: 1)
    let scores = method.scores(of: [
      RankingQuery(user: 0, history: [8, 7, 6, 0, 1, 2, 3, 4], candidates: [5, 6]),
      RankingQuery(user: 0, history: [0, 1, 2, 3, 4], candidates: [5, 6]),
    ])
    #expect(scores[0] == scores[1])
  }
}
