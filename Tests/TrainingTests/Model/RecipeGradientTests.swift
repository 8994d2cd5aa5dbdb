// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models
import TestSupport
import Testing

@testable import Training

@Suite("What training adds to the published method is trained by its gradients")
struct RecipeGradientTests {
  private let directory: TemporaryDirectory
  private let checkpoint: CheckpointLocation

  init() throws {
    directory = try TemporaryDirectory()
    checkpoint = try SmallRun(directory.path).checkpoint
  }

  @Test(arguments: [
    RecommendationLoss.pairwise, .jointSoftmax(JointLoss(temperature: 0.7)),
    .jointSoftmax(JointLoss(temperature: 0.7, spaceWeight: 0.5)),
  ])
  func `Gradients are the losses' slopes`(loss: RecommendationLoss) throws {
    let model = try RecipeModel.model(over: checkpoint, loss: loss)
    let samples = RecipeModel.samples()
    let candidates = loss == .pairwise ? nil : RecipeModel.candidates(for: samples)
    let losses = try model.addGradients(of: samples, among: candidates)
    #expect(abs(losses.total - (try model.losses(of: samples, among: candidates)).total) < 1e-6 * losses.total)
    // No item lacks its text.
    try expectSlopes(of: model, directions: 2, unused: ["soft_token.absent.text"]) {
      try model.losses(of: samples, among: candidates).total
    }
  }

  @Test(arguments: [RecommendationLoss.pairwise, .jointSoftmax(JointLoss(temperature: 0.7, spaceWeight: 0.5))])
  func `Gradients are the losses' slopes with dropout too`(loss: RecommendationLoss) throws {
    let model = try RecipeModel.model(over: checkpoint, loss: loss)
    let samples = RecipeModel.samples()
    let candidates = loss == .pairwise ? nil : RecipeModel.candidates(for: samples)
    let dropout = TrainingDropout(probability: 0.3, seed: 9)
    let losses = try model.addGradients(of: samples, among: candidates, dropout: dropout)
    #expect(abs(losses.total - (try model.losses(of: samples, among: candidates)).total) > 1e-3 * losses.total)
    try expectSlopes(of: model, directions: 2, unused: ["soft_token.absent.text"]) {
      try model.losses(of: samples, among: candidates, dropout: dropout).total
    }
  }

  /// The softmax of the only space is the joint one.
  @Test func `A space's own loss is a softmax of its score alone`() throws {
    let all = RecipeModel.samples().filter { $0.targets.contains { $0.space == .text } }
    let candidates = RecipeModel.candidates(for: all)
    func loss(_ spaces: [Space], _ weight: Float) throws -> Double {
      let loss = RecommendationLoss.jointSoftmax(JointLoss(temperature: 0.7, spaceWeight: weight))
      let model = try RecipeModel.model(over: checkpoint, loss: loss, spaces: spaces)
      let samples = all.map { sample in
        var sample = sample
        sample.targets.removeAll { !spaces.contains($0.space) }
        return sample
      }
      return try model.losses(of: samples, among: candidates).ire
    }
    let text = try loss([.text], 0)
    #expect(abs(try loss([.text], 0.5) - 1.5 * text) < 1e-5 * text)
    let joint = try loss(Space.allCases, 0)
    let own = try loss(Space.allCases, 1) - joint
    let double = try loss(Space.allCases, 2) - joint
    #expect(own > 0.1 && abs(double - 2 * own) < 1e-5 * own)
  }

  @Test func `Gradients do not depend on the memory for activations`() throws {
    let samples = RecipeModel.samples()
    let models = try [2 << 30, 0].map {
      try RecipeModel.model(
        over: checkpoint, loss: .jointSoftmax(JointLoss(temperature: 1, spaceWeight: 0.5)), activationBytes: $0)
    }
    for model in models {
      _ = try model.addGradients(
        of: samples, among: RecipeModel.candidates(for: samples), dropout: TrainingDropout(probability: 0.2, seed: 1))
    }
    for (whole, split) in zip(models[0].parameters, models[1].parameters) {
      guard split.gradientNorm + whole.gradientNorm > 0 else { continue }
      #expect(distance(Array(split.gradient), Array(whole.gradient)) < 1e-5, "\(whole.name)")
    }
  }

  /// Three users and six candidates; the figures are PyTorch's (`Benchmarks/TrainingCheck/joint_softmax.py`).
  @Test func `A joint softmax has PyTorch's losses and gradients`() {
    let team = ComputeTeam(threads: 1)
    let users: [Float] = [0, 0.25, -1, 0.25, 0.75, -0.75, -0.5, 0.25, 1, -1, -0.5, -0.25]
    let items: [Float] = [
      -0.75, 1, 0, -1, -0.25, 0.5, -0.5, 0.75, 0.5, 0.5, 1, 0.75, 0.5, -1, 0.75, 1, 1, 0, 0.25, -0.5, 0.5, 0.5, 0.75,
      0.5,
    ]
    let softmax = JointSoftmax(
      candidates: 6, width: 4, logExpectedCounts: [-1.5, -1.5, -0.25, 0.5, 0, -2], temperature: 0.5)
    _ = softmax.items.values.update(fromContentsOf: items)
    var dusers = Activations(rows: 3, width: 4)
    let losses = softmax.losses(
      users: Activations(rows: 3, width: 4, values: users), targets: [0, 1, 2],
      // Each user's own target is named as well, and counts all the same.
      isHidden: { user, candidate in user == candidate || [[1], [0], [4]][user].contains(candidate) }, scale: 0.25,
      dusers: &dusers, on: team)
    #expect(distance(losses, [0.5958469, 1.5137556, 3.1905398]) < 1e-6)
    let byUsers: [Float] = [
      0.2950865, -0.1392286, 0.158808, 0.3167863, 0.3353193, -0.254793, 0.4500159, -0.1071249, -0.071536, -0.3247299,
      -0.2202284, -0.0125141,
    ]
    #expect(distance(dusers.values, byUsers) < 1e-6)
    let byItems: [Float] = [
      0.0141409, -0.0702539, 0.2173817, -0.0596483, -0.2206561, 0.2206561, 0.1590729, -0.1154431, -0.4631739, 0.4681641,
      0.2089178, 0.1302635, 0.3271717, -0.3250915, -0.1895686, -0.017896, 0.064275, -0.0570143, -0.0718925, 0.0286856,
      0.2782424, -0.2364604, -0.3239113, 0.0340382,
    ]
    #expect(distance(Array(softmax.items.gradient), byItems) < 1e-6)
  }

  /// Other copies of a target and items that a user met are as good as not there.
  @Test func `Duplicates of the target and met items are left out of the softmax`() throws {
    let model = try RecipeModel.model(over: checkpoint, loss: .jointSoftmax(JointLoss(temperature: 1)))
    let sample = RecipeModel.samples()[0]
    var candidates = RecipeModel.candidates(for: [sample])
    let alone = try model.losses(of: [sample], among: candidates).ire
    var target = candidates.targets[0]
    candidates.others.append(target)
    target.item = try #require(sample.metItems.first)
    candidates.others.append(target)
    #expect(abs(try model.losses(of: [sample], among: candidates).ire - alone) < 1e-6)
    target.item = 77
    candidates.others.append(target)
    #expect(try model.losses(of: [sample], among: candidates).ire > alone + 0.01)
  }

  @Test func `A softmax needs candidates and the published loss has none`() throws {
    let samples = RecipeModel.samples()
    let candidates = RecipeModel.candidates(for: samples)
    for (loss, wrong) in [(RecommendationLoss.pairwise, candidates), (.jointSoftmax(JointLoss(temperature: 1)), nil)] {
      let model = try RecipeModel.model(over: checkpoint, loss: loss)
      let error = #expect(throws: TrainingError.self) { try model.addGradients(of: samples, among: wrong) }
      #expect(error?.code == .invalidInput)
    }
  }
}
