// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite(
  "movielens-posters is prepared as it stands",
  .enabled(if: SharedFiles.has("data/movielens-posters/items.jsonl"), "no ../shared/data/movielens-posters"))
struct SharedDataTests {
  @Test
  func `Nothing of it is dropped, and its own split is that of the times`() throws {
    let directory = try TemporaryDirectory()
    var options = PreparationOptions()
    options.imageCheck = .exists
    let (dataset, report) = try Preparation(
      source: DataSource(detecting: SharedFiles.path("data/movielens-posters")), options: options,
      decodingImagesWith: { _ in nil }
    ).run(into: directory.path + "/out")
    #expect(dataset.users.count == 610)
    #expect(dataset.items.count == 3_587)
    #expect(report.steps.last?.interactions == 89_837)
    #expect(report.negatives == "from the source")
    #expect(dataset.users.allSatisfy { $0.negatives.count == 100 })
    #expect(report.notes.contains { $0.hasSuffix("gives the split's sequence for 610 of 610 users") })
  }
}
