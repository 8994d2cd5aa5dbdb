// SPDX-License-Identifier: Apache-2.0

import Datasets
import Kernels
import Models
import Testing

@testable import Training

@Suite("A fresh start is fitted to the items")
struct FittedStartTests {
  private static let prompts = TinyRecommender.samples().map(\.recommendation)

  private static func model(_ seed: UInt64 = 1) throws -> TrainableRecommender {
    let start = FreshStart(featureDims: [.image: 24, .cf: 6, .text: 10], adaptorWidth: 20, spaceDim: 64, seed: seed)
    return try TinyRecommender.model(TrainingModelOptions(freshStart: start, threads: 1))
  }

  /// Mean over the columns of |mean|, and the root of the mean square about the means.
  private static func moments(_ rows: [[Float]]) -> (mean: Float, deviation: Float) {
    let (count, width) = (Float(rows.count), rows[0].count)
    let means = (0..<width).map { column in rows.reduce(0) { $0 + $1[column] } / count }
    let square = rows.joined().enumerated().reduce(Float(0)) { sum, element in
      let difference = element.element - means[element.offset % width]
      return sum + difference * difference
    }
    return (means.reduce(0) { $0 + abs($1) } / Float(width), (square / (count * Float(width))).squareRoot())
  }

  @Test func `Items users and scores are spread from the start`() throws {
    let (model, items) = (try Self.model(), SmallRun.items())
    try model.fitStart(to: items, prompts: Self.prompts)
    let users = try model.userVectors(of: Self.prompts)
    for (space, vectors) in try model.itemVectors(of: items) {
      for rows in [vectors, try #require(users[space])] {
        let (mean, deviation) = Self.moments(rows)
        // 64^(-1/4), and sums of a dozen 32-bit terms.
        #expect(mean < 1e-4 && abs(deviation - 0.35355) < 1e-3, "\(space)")
      }
    }
  }

  @Test func `Soft tokens are as long as token embeddings`() throws {
    let (model, items) = (try Self.model(), SmallRun.items())
    try model.fitStart(to: items, prompts: Self.prompts)
    let rows = Activations(rows: items.images.count, width: 24, values: items.images.rows.flatMap { $0 })
    let pass = model.adaptor.forward(rows, on: model.team)
    let (mean, deviation) = Self.moments((0..<items.images.count).map { pass.output[row: $0] })
    #expect(mean < 1e-4 * model.tokenDeviation)
    #expect(abs(deviation - model.tokenDeviation) < 1e-3 * model.tokenDeviation)
  }

  @Test func `The same seed fits the same way`() throws {
    let models = try [Self.model(), Self.model()]
    for model in models { try model.fitStart(to: SmallRun.items(), prompts: Self.prompts) }
    for (first, second) in zip(models[0].parameters, models[1].parameters) {
      #expect(Array(first.values) == Array(second.values), "\(first.name)")
    }
  }

  @Test func `Fitting can be stopped`() throws {
    var read: [Int] = []
    let prompts = Array([[TrainingSample.Sequence]](repeating: Self.prompts, count: 6).joined())
    #expect(throws: CancellationError.self) {
      try Self.model().fitStart(to: SmallRun.items(), prompts: prompts) { count in
        read.append(count)
        throw CancellationError()
      }
    }
    #expect(read == [16])
  }

  @Test func `Features that are no numbers are refused`() throws {
    var images = SmallRun.features(24)
    images = FeatureTable(width: 24, rows: images.rows.map { $0.map { _ in Float.infinity } })
    let items = TrainingItems(items: SmallRun.dataset.items, images: images, others: [:], spaces: [.image])
    let error = #expect(throws: TrainingError.self) { try Self.model().fitStart(to: items, prompts: Self.prompts) }
    #expect(error?.code == .notFinite && error?.message.contains("image embedding") == true)
  }
}
