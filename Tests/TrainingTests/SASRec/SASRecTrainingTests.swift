// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Models
import Testing

@testable import Training

@Suite("SASRec is trained") struct SASRecTrainingTests {
  /// Users who walk round a circle of items, each from a place of its own: the next item follows from the last.
  static func circle(users: Int = 120, items: Int = 24, steps: Int = 12) -> Dataset {
    var random = SplitMix64(state: 7)
    return Dataset(
      items: (0..<items).map { Dataset.Item(id: "\($0)") },
      users: (0..<users).map { user in
        let start = random.next(below: items)
        let walk = (0..<steps).map { (start + $0 * 5) % items }
        let others = (0..<items).filter { !walk.contains($0) }
        return Dataset.User(id: "\(user)", items: walk, negatives: others)
      })
  }

  private static var settings: SASRecSettings {
    var settings = SASRecSettings()
    settings.width = 16
    settings.length = 8
    settings.batch = 32
    settings.learningRate = 5e-3
    settings.epochs = 120
    settings.patience = 5
    return settings
  }

  @Test func `A pattern is learned`() throws {
    let dataset = Self.circle()
    let outcome = try SASRecTraining(dataset: dataset, settings: Self.settings, threads: 2).run()
    let task = try RankingTask(dataset: dataset, part: .test, candidates: .catalog)
    let ranks = try task.rank(with: SASRec(weights: outcome.weights, threads: 2)).ranks
    #expect(Metric.hit(1).mean(over: ranks) > 0.9)
    #expect(outcome.best.hit5 > 0.9 && outcome.validations.contains(outcome.best))
  }

  @Test func `The seed decides`() throws {
    var settings = Self.settings
    settings.epochs = 2
    let dataset = Self.circle(users: 12)
    func train(_ seed: UInt64) throws -> [Float] {
      settings.seed = seed
      return try SASRecTraining(dataset: dataset, settings: settings, threads: 2).run().weights.itemEmbeddings.values
    }
    let first = try train(1)
    #expect(try train(1) == first)
    #expect(try train(2) != first)
  }

  @Test func `Training ends when nothing gets better`() throws {
    var settings = Self.settings
    settings.learningRate = 1e-12
    settings.validationInterval = 2
    settings.patience = 2
    var epochs: [Int] = []
    let outcome = try SASRecTraining(dataset: Self.circle(users: 8), settings: settings, threads: 1).run {
      epochs.append($0.epoch)
    }
    #expect(epochs == Array(1...6) && outcome.epochs == 6 && outcome.best.epoch == 2)
  }

  @Test func `What progress throws ends it`() throws {
    struct Stop: Error {}
    let training = try SASRecTraining(dataset: Self.circle(users: 8), settings: Self.settings, threads: 1)
    #expect(throws: Stop.self) { try training.run { _ in throw Stop() } }
  }

  @Test func `Windows go through all of a long history`() throws {
    let user = Dataset.User(id: "u", items: Array(0..<42))
    let dataset = Dataset(items: (0..<60).map { Dataset.Item(id: "\($0)") }, users: [user])
    var settings = Self.settings
    let sampler = try SASRecSampler(dataset, settings)
    var ends: Set<Int> = []
    for epoch in 1...20 {
      let windows = sampler.batches(epoch: epoch).joined().sorted {
        $0.items[$0.items.startIndex] < $1.items[$1.items.startIndex]
      }
      #expect(windows.allSatisfy { $0.items.count <= 9 && $0.items.count >= 2 })
      // Each item but the first is a target once.
      let targets = windows.flatMap { $0.items.dropFirst() }
      #expect(targets == Array(1..<targets.count + 1))
      ends.insert(targets.count)
    }
    #expect(ends.contains(39) && ends.count > 3)
    settings.usesWholeHistory = false
    #expect(
      try SASRecSampler(dataset, settings).batches(epoch: 1).map { $0.map { Array($0.items) } } == [[Array(31..<40)]])
  }

  @Test func `Negatives were never met`() throws {
    let dataset = Self.circle(users: 10)
    let sampler = try SASRecSampler(dataset, Self.settings)
    for batch in sampler.batches(epoch: 1) {
      var row = 0
      let (next, negatives) = sampler.targets(of: batch, step: 5)
      #expect(next.count == negatives.count)
      for window in batch {
        for item in window.items.dropFirst() {
          #expect(Int(next[row]) == item)
          #expect(!dataset.users[window.user].trainingItems.contains(Int(negatives[row])))
          row += 1
        }
      }
    }
  }

  @Test func `What cannot be trained is refused`() throws {
    let nobody = Dataset(
      items: [Dataset.Item(id: "a"), Dataset.Item(id: "b"), Dataset.Item(id: "c")],
      users: [Dataset.User(id: "u", items: [0, 1, 2])])
    #expect { try SASRecTraining(dataset: nobody) } throws: { ($0 as? TrainingError)?.code == .empty }
    var settings = Self.settings
    settings.heads = 3
    #expect { try SASRecTraining(dataset: Self.circle(), settings: settings) } throws: {
      ($0 as? TrainingError)?.code == .invalidInput
    }
    settings = Self.settings
    settings.learningRate = 1e30
    #expect { try SASRecTraining(dataset: Self.circle(), settings: settings, threads: 1).run() } throws: {
      ($0 as? TrainingError)?.code == .notFinite
    }
  }
}
