// SPDX-License-Identifier: Apache-2.0

import Datasets
import Models
import Testing

@testable import Training

@Suite("Samples are drawn for training")
struct SamplerTests {
  private func sampler(
    _ users: [Dataset.User] = SmallRun.dataset.users, _ items: TrainingItems = SmallRun.items(),
    maxInteractions: Int = 10, histories: SampledHistories = .windows, seed: UInt64 = 1
  ) throws -> Sampler {
    try Sampler(
      users: users, items: items, questions: .standard(),
      options: SamplingOptions(maxInteractions: maxInteractions, histories: histories, seed: seed))
  }

  @Test func `An epoch visits every user once in an order of its own`() throws {
    let sampler = try sampler()
    let orders = (0..<5).map(sampler.order(ofPass:))
    for order in orders { #expect(order.sorted() == Array(SmallRun.dataset.users.indices)) }
    #expect(Set(orders).count > 1)
    #expect(try self.sampler().order(ofPass: 3) == orders[3])
    #expect(
      try self.sampler(seed: 2).order(ofPass: 3) != orders[3] || self.sampler(seed: 2).order(ofPass: 4) != orders[4])
  }

  @Test func `Windows are runs of the training part alone`() throws {
    let user = Dataset.User(id: "long", items: Array(0..<12))
    let sampler = try sampler([user], maxInteractions: 6)
    var lengths: [Int: Int] = [:]
    for epoch in 0..<600 {
      let example = try #require(sampler.example(user: 0, pass: epoch))
      let window = example.history + [example.target]
      #expect(window == Array(window[0]..<window[0] + window.count))
      // The last two of 12 are held back.
      #expect(example.target < 10)
      for negative in example.negatives { #expect(negative.item >= 10) }
      lengths[example.history.count, default: 0] += 1
    }
    // Half of the samples are of length 2 to 4, the others of 2 to 5; 600 draws scatter by some 5 percent.
    #expect(Set(lengths.keys) == [2, 3, 4, 5])
    #expect(abs(Double(lengths[5] ?? 0) / 600 - 0.125) < 0.05)
  }

  @Test func `Prefixes are all that came before a target, and every item but the first is one as often`() throws {
    let user = Dataset.User(id: "long", items: Array(0..<12))
    let sampler = try sampler([user], maxInteractions: 6, histories: .prefixes)
    var targets: [Int: Int] = [:]
    for epoch in 0..<900 {
      let example = try #require(sampler.example(user: 0, pass: epoch))
      #expect(example.history == Array(max(0, example.target - 6)..<example.target))
      for negative in example.negatives { #expect(negative.item >= 10) }
      targets[example.target, default: 0] += 1
    }
    // 100 each in the mean; 900 draws scatter by some 10.
    #expect(Set(targets.keys) == Set(1..<10))
    #expect(targets.values.allSatisfy { (60...145).contains($0) })
    let two = try self.sampler([Dataset.User(id: "short", items: [4, 2, 7, 0])], histories: .prefixes)
    let example = try #require(two.example(user: 0, pass: 0))
    #expect(example.history == [4] && example.target == 2)
  }

  @Test func `A short sequence gives all but its last`() throws {
    let sampler = try sampler([Dataset.User(id: "short", items: [4, 2, 7, 0])])
    for epoch in 0..<20 {
      let example = try #require(sampler.example(user: 0, pass: epoch))
      #expect(example.history == [4] && example.target == 2)
    }
  }

  @Test func `Items without an image are in no history`() throws {
    let items = SmallRun.items(missingImages: [1, 5, 6])
    let sampler = try sampler(SmallRun.dataset.users, items)
    for epoch in 0..<20 {
      for user in sampler.users {
        guard let example = sampler.example(user: user, pass: epoch) else { continue }
        #expect(Set(example.history).isDisjoint(with: [1, 5, 6]))
        for negative in example.negatives where negative.space == .image {
          #expect(![1, 5, 6].contains(negative.item))
        }
        #expect(example.negatives.contains { $0.space == .cf })
      }
    }
  }

  @Test func `Nothing to learn from is refused`() throws {
    let users = [Dataset.User(id: "a", items: [1, 2, 3])]
    let error = #expect(throws: TrainingError.self) { try sampler(users) }
    #expect(error?.code == .empty)
  }

  @Test func `Steps of an epoch read each user once`() throws {
    var options = TrainingPlan.Options(epochs: 2, batchSize: 2, accumulation: 2)
    let plan = try TrainingPlan(options, sampler: sampler(), users: SmallRun.dataset.users)
    #expect(plan.stepsPerEpoch == 2 && plan.totalSteps == 4)
    for epoch in 0..<2 {
      let batches = [2 * epoch, 2 * epoch + 1].flatMap(plan.batches(ofStep:))
      #expect(batches.map(\.count) == [2, 2, 2, 1])
      #expect(batches.joined().map(\.user).sorted() == Array(0..<7))
    }
    options.samplesPerUser = 3
    let longer = try TrainingPlan(options, sampler: sampler(), users: SmallRun.dataset.users)
    #expect(longer.stepsPerEpoch == 6 && longer.totalSteps == 12)
    let visited = Array((0..<6).flatMap(longer.batches(ofStep:)).joined())
    let eachThrice = (0..<21).map { $0 / 3 }
    #expect(visited.map(\.user).sorted() == eachThrice)
    let firstEpoch = (0..<2).flatMap(plan.batches(ofStep:)).joined()
    #expect(visited.prefix(7).elementsEqual(firstEpoch))
    #expect(visited.suffix(7).map(\.history) != visited.prefix(7).map(\.history))
    options.batchSize = 0
    #expect(throws: TrainingError.self) {
      try TrainingPlan(options, sampler: sampler(), users: SmallRun.dataset.users)
    }
  }
}
