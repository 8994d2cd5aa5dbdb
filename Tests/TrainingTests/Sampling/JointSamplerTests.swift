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

  private func candidates(
    others: Int = 4000, absences: [Space: Float] = [:], _ items: TrainingItems = SmallRun.items()
  ) throws -> JointCandidates {
    let sampler = try JointSampler(users: users, items: items, others: others, absences: absences, seed: 1)
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

  @Test func `A share of the candidates is scored without a space, and the items are the same`() throws {
    let (whole, some) = (try candidates(), try candidates(absences: [.cf: 0.25]))
    #expect(some.all.map(\.item) == whole.all.map(\.item))
    #expect(some.all.map(\.logExpectedCount) == whole.all.map(\.logExpectedCount))
    for (left, known) in zip(some.all, whole.all) {
      #expect(left.features == known.features.filter { $0.key != .cf || left.features[.cf] != nil })
    }
    // 1,000 in the mean of 4,002; they scatter by 27.
    let absent = some.all.count { $0.features[.cf] == nil }
    #expect((870...1130).contains(absent))
    let again = try candidates(absences: [.cf: 0.25])
    #expect(again.all.map { $0.features[.cf] == nil } == some.all.map { $0.features[.cf] == nil })
  }

  /// An item without any feature has no score to learn from.
  @Test func `A candidate keeps what it has when nothing would be left`() throws {
    let items = SmallRun.items(missingImages: [1])
    let all = try candidates(absences: [.cf: 0.9, .text: 0.9], items).all
    #expect(all.allSatisfy { !$0.features.isEmpty })
    for candidate in all where candidate.item == 1 && candidate.features[.cf] == nil {
      #expect(candidate.features[.text] != nil)
    }
  }

  @Test func `A share that leaves nothing to learn, and a space that is not there, are refused`() throws {
    for absences in [[Space.cf: Float(1)], [.cf: -0.1], [.cf: .nan]] {
      let error = #expect(throws: TrainingError.self) { try candidates(absences: absences) }
      #expect(error?.code == .invalidInput)
    }
    let image = TrainingItems(
      items: SmallRun.items().items, images: SmallRun.items().images, others: [:], spaces: [.image])
    for space in [Space.image, .cf] {
      let error = #expect(throws: TrainingError.self) { try candidates(absences: [space: 0.1], image) }
      #expect(error?.message.contains(space.checkpointName) == true)
    }
  }

  /// Ten interactions are trained on, and each of the catalog's items counts one more.
  @Test func `A target is expected as often as users met it`() throws {
    let sum = Double(10 + SmallRun.items().items.count)
    let targets = try candidates(others: 0).targets
    #expect(targets.map(\.item) == [1, 1])
    #expect(targets.allSatisfy { abs($0.logExpectedCount - Float(log(2 / sum * 2))) < 1e-5 })
  }
}
