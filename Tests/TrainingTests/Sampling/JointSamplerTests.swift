// SPDX-License-Identifier: Apache-2.0

import Datasets
import Glibc
import Models
import Testing

@testable import Training

@Suite("A joint softmax has its candidates drawn")
struct JointSamplerTests {
  /// Item 0 is met by both users, 11 by none in what is trained on.
  private let users = [
    Dataset.User(id: "a", items: [0, 1, 2, 3, 4, 11, 9]), Dataset.User(id: "b", items: [0, 5, 6, 7, 8, 10, 9]),
  ]

  private func candidates(others: Int = 4000) throws -> JointCandidates {
    let sampler = try JointSampler(users: users, items: SmallRun.items(), others: others, seed: 1)
    let example = Sampler.Example(user: 0, history: [0], target: 1, negatives: [], question: nil, met: [0, 1])
    return sampler.candidates(for: [example, example], batch: 3)
  }

  @Test func `Items that nobody met are not told apart from`() throws {
    var counts: [Int: Int] = [:]
    let others = try candidates().others
    for other in others { counts[other.item, default: 0] += 1 }
    #expect(Set(counts.keys) == Set(0...8))
    // 444 each in the mean; 4,000 draws scatter by some 20.
    #expect(counts.values.allSatisfy { (340...550).contains($0) })
    #expect(others.allSatisfy { abs($0.logExpectedCount - Float(log(4000.0 / 9))) < 1e-5 })
    #expect(try candidates().others.map(\.item) == others.map(\.item))
  }

  /// Ten interactions are trained on, and each of the catalog's items counts one more.
  @Test func `A target is expected as often as users met it`() throws {
    let sum = Double(10 + SmallRun.items().items.count)
    let targets = try candidates(others: 0).targets
    #expect(targets.map(\.item) == [1, 1])
    #expect(targets.allSatisfy { abs($0.logExpectedCount - Float(log(2 / sum * 2))) < 1e-5 })
  }
}
