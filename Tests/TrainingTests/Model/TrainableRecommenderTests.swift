// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models
import TestSupport
import Testing
import Training

@Suite("The recommender is trained by its gradients")
struct TrainableRecommenderTests {
  /// The whole model, parameter by parameter.
  @Test func `Gradients are the losses' slopes`() throws {
    let model = try TinyRecommender.model()
    let samples = TinyRecommender.samples()
    let losses = try model.addGradients(of: samples)
    #expect(abs(losses.total - (try model.losses(of: samples)).total) < 1e-6 * losses.total)
    #expect(losses.labelledTokens == 9 - 6 + 17 - 8)
    try expectSlopes(of: model, directions: 3) { try model.losses(of: samples).total }
  }

  /// Memory for all activations, for a sequence at a time, and for none.
  @Test func `Gradients do not depend on the memory for activations`() throws {
    let expected = try gradients(TrainingModelOptions(threads: 2))
    for bytes in [100_000, 0] {
      let found = try gradients(TrainingModelOptions(activationBytes: bytes, threads: 2))
      for (name, values) in expected { #expect(distance(found[name] ?? [], values) < 1e-5, "\(name)") }
    }
  }

  @Test func `Gradients add up and follow their scale`() throws {
    let once = try gradients(TrainingModelOptions(threads: 1))
    let model = try TinyRecommender.model()
    for scale: Float in [0.5, 1.5] { _ = try model.addGradients(of: TinyRecommender.samples(), scale: scale) }
    for parameter in model.parameters {
      #expect(distance(parameter.gradient.map { $0 / 2 }, once[parameter.name] ?? []) < 1e-5, "\(parameter.name)")
    }
  }

  /// Two samples and two negative items, each with each: the mean of the four pairs, each as a batch of its own.
  @Test func `Shared negatives are those of the whole batch`() throws {
    let batch = Self.numbered(Array(TinyRecommender.samples().prefix(2)))
    var pairs: [TrainingSample] = []
    for sample in batch {
      for other in batch {
        pairs.append(sample)
        for (index, target) in other.targets.enumerated() {
          pairs[pairs.count - 1].targets[index].negative = target.negative
        }
      }
    }
    let alone = try losses(pairs, sharesNegatives: false)
    #expect(abs(try losses(batch, sharesNegatives: true) - alone) < 1e-6 * alone)
    #expect(abs(try losses(batch, sharesNegatives: false) - alone) > 1e-3 * alone)
  }

  @Test func `An item that a user met is no negative one for that user`() throws {
    var batch = Self.numbered(TinyRecommender.samples())
    let alone = try losses(batch, sharesNegatives: false)
    for index in batch.indices { batch[index].metItems = Set(batch.indices.filter { $0 != index }) }
    #expect(abs(try losses(batch, sharesNegatives: true) - alone) < 1e-6 * alone)
    for index in batch.indices { batch[index].metItems = [] }
    #expect(abs(try losses(batch, sharesNegatives: true) - alone) > 1e-3 * alone)
  }

  @Test func `Gradients of shared negatives are the losses' slopes`() throws {
    let model = try TinyRecommender.model(TrainingModelOptions(sharesNegatives: true, threads: 1))
    let batch = Self.numbered(TinyRecommender.samples())
    _ = try model.addGradients(of: batch)
    var numbers = SeededGenerator(seed: 9)
    for parameter in model.parameters where parameter.name.hasPrefix("f_") {
      let (start, direction) = (Array(parameter.values), numbers.direction(parameter.count))
      let expected = zip(direction, parameter.gradient).reduce(0.0) { $0 + Double($1.0 * $1.1) }
      let ends = try [Float(0.01), -0.01].map { step in
        parameter.move(along: direction, by: step)
        defer { _ = parameter.values.update(fromContentsOf: start) }
        return try model.losses(of: batch).total
      }
      let typical = parameter.gradientNorm / Double(parameter.count).squareRoot()
      #expect(abs((ends[0] - ends[1]) / 0.02 - expected) < 0.05 * typical + 2e-4, "\(parameter.name)")
    }
  }

  /// Each sample's negative item is the one of its own number.
  private static func numbered(_ samples: [TrainingSample]) -> [TrainingSample] {
    var samples = samples
    for index in samples.indices {
      for target in samples[index].targets.indices { samples[index].targets[target].negativeItem = index }
    }
    return samples
  }

  private func losses(_ samples: [TrainingSample], sharesNegatives: Bool) throws -> Double {
    let options = TrainingModelOptions(sharesNegatives: sharesNegatives, threads: 1)
    return try TinyRecommender.model(options).losses(of: samples).ire
  }

  @Test func `Frozen token embeddings change no other gradient`() throws {
    let trained = try gradients(TrainingModelOptions(threads: 1))
    let frozen = try gradients(TrainingModelOptions(trainsTokenEmbeddings: false, threads: 1))
    #expect(frozen["token_embed"] == nil && frozen.count == trained.count - 1)
    for (name, values) in frozen { #expect(values == trained[name]) }
  }

  @Test func `One space alone is trained`() throws {
    let model = try TinyRecommender.model(TrainingModelOptions(spaces: [.cf], threads: 1))
    #expect(model.parameters.filter { $0.name.hasPrefix("f_") }.allSatisfy { $0.name.contains("_cf.") })
    var samples = TinyRecommender.samples()
    #expect(throws: TrainingError.self) { try model.losses(of: samples) }
    for index in samples.indices { samples[index].targets.removeAll { $0.space != .cf } }
    #expect(try model.losses(of: samples).ire > 0)
  }

  /// Weights of 8 significant bits, and rows too where the processor has products of such pairs.
  @Test func `bfloat16 gradients point the same way`() throws {
    let expected = try gradients(TrainingModelOptions(threads: 2))
    let found = try gradients(TrainingModelOptions(loading: LoadingOptions(precision: .bfloat16), threads: 2))
    for (name, values) in expected { #expect(distance(found[name] ?? [], values) < 0.1, "\(name)") }
  }

  /// The same names, shapes and order as a checkpoint's; the seed decides all of it.
  @Test func `A fresh start has a checkpoint's parameters`() throws {
    let dims: [Space: Int] = [.image: 24, .cf: 6, .text: 10]
    func fresh(_ seed: UInt64) throws -> TrainableRecommender {
      let start = FreshStart(featureDims: dims, adaptorWidth: 20, spaceDim: 12, seed: seed)
      return try TinyRecommender.model(TrainingModelOptions(freshStart: start, threads: 1))
    }
    let (loaded, first, again, other) = (try TinyRecommender.model(), try fresh(1), try fresh(1), try fresh(2))
    #expect(first.parameters.map(\.name) == loaded.parameters.map(\.name))
    #expect(first.parameters.map(\.shape) == loaded.parameters.map(\.shape))
    for (index, parameter) in first.parameters.enumerated() {
      #expect(Array(parameter.values) == Array(again.parameters[index].values))
      let isRandom =
        !parameter.name.contains("norm") && !parameter.name.contains(".1.") && parameter.name != "token_embed"
      #expect(isRandom == (Array(parameter.values) != Array(other.parameters[index].values)), "\(parameter.name)")
    }
    let weight = try #require(first.parameters.first { $0.name == "f_u_img.mlp.0.weight" })
    #expect(weight.values.allSatisfy { abs($0) <= 1 / Float(32).squareRoot() })
    #expect(abs(weight.values.reduce(0) { $0 + $1 * $1 } / Float(weight.count) - 1 / 96) < 0.1 / 96)
    let losses = try first.addGradients(of: TinyRecommender.samples())
    #expect(losses.total.isFinite && first.parameters.allSatisfy { $0.gradientNorm > 0 })
    let incomplete = FreshStart(featureDims: [.image: 24], seed: 1)
    #expect(throws: TrainingError.self) { try TinyRecommender.model(TrainingModelOptions(freshStart: incomplete)) }
  }

  struct Change: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let apply: @Sendable (inout TrainingSample) -> Void
  }

  static let changes = [
    Change(testDescription: "an unknown token") { $0.recommendation.tokenIDs[0] = 1 << 20 },
    Change(testDescription: "a negative token") { $0.recommendation.tokenIDs[0] = -1 },
    Change(testDescription: "no token") {
      $0.recommendation = .init(tokenIDs: [], softTokenPositions: [], embeddings: [])
    },
    Change(testDescription: "positions that descend") { $0.recommendation.softTokenPositions.reverse() },
    Change(testDescription: "a position beyond the end") { $0.recommendation.softTokenPositions[2] = 99 },
    Change(testDescription: "an embedding too few") { $0.recommendation.embeddings.removeLast() },
    Change(testDescription: "a short embedding") { $0.recommendation.embeddings[0].removeLast() },
    Change(testDescription: "a sequence too long") {
      $0.recommendation.tokenIDs += [Int32](repeating: 5, count: 200)
    },
    Change(testDescription: "no target") { $0.targets = [] },
    Change(testDescription: "a space twice") { $0.targets.append($0.targets[0]) },
    Change(testDescription: "a long feature") { $0.targets[1].negative.append(0) },
    Change(testDescription: "labels from the start") { $0.answer?.labelStart = 0 },
    Change(testDescription: "no label") { $0.answer?.labelStart = 17 },
    Change(testDescription: "a label that nothing predicts") { $0.answer?.sequence.tokenIDs[16] = 5000 },
  ]

  @Test(arguments: changes) func `What does not fit is refused and adds nothing`(_ change: Change) throws {
    let model = try TinyRecommender.model(TrainingModelOptions(maxPositions: 64, threads: 1))
    var samples = TinyRecommender.samples()
    change.apply(&samples[2])
    let error = #expect(throws: TrainingError.self) { try model.addGradients(of: samples) }
    #expect(error?.code == .invalidInput && error?.message.hasPrefix("sample 2 of the batch") == true)
    #expect(model.parameters.allSatisfy { $0.gradientNorm == 0 })
  }

  @Test func `Options that cannot be met are refused`() {
    for options in [
      TrainingModelOptions(spaces: []), TrainingModelOptions(spaces: [.cf, .cf]),
      TrainingModelOptions(loading: LoadingOptions(precision: .int8)), TrainingModelOptions(maxPositions: 1),
      TrainingModelOptions(threads: 0),
    ] {
      let error = #expect(throws: TrainingError.self) { try TinyRecommender.model(options) }
      #expect(error?.code == .invalidInput)
    }
  }

  private func gradients(_ options: TrainingModelOptions) throws -> [String: [Float]] {
    let model = try TinyRecommender.model(options)
    _ = try model.addGradients(of: TinyRecommender.samples())
    return Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, Array($0.gradient)) })
  }
}
