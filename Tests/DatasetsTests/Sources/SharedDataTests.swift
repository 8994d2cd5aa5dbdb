import Foundation
import Testing

@testable import Datasets

/// Data that lies beside the repository where it does: ILLMREC_SHARED, by default ../shared.
private enum SharedData {
  static let path =
    (ProcessInfo.processInfo.environment["ILLMREC_SHARED"] ?? besideRepository) + "/data/movielens-posters"

  private static var besideRepository: String {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { url.deleteLastPathComponent() }
    return url.deletingLastPathComponent().appending(path: "shared").path
  }

  static var isThere: Bool { FileManager.default.fileExists(atPath: path + "/items.jsonl") }
}

@Suite("movielens-posters", .enabled(if: SharedData.isThere, "no ../shared/data/movielens-posters"))
struct SharedDataTests {
  @Test("Nothing of it is dropped, and its own split is that of the times")
  func split() throws {
    let directory = try TemporaryDirectory()
    var options = PreparationOptions()
    options.imageCheck = .exists
    let (dataset, report) = try Preparation(
      source: DataSource(detecting: SharedData.path), options: options, decodingImagesWith: { _ in nil }
    ).run(into: directory.path + "/out")
    #expect(dataset.users.count == 610)
    #expect(dataset.items.count == 3_587)
    #expect(report.steps.last?.interactions == 89_837)
    #expect(report.negatives == "from the source")
    #expect(dataset.users.allSatisfy { $0.negatives.count == 100 })
    #expect(report.notes.contains { $0.hasSuffix("gives the split's sequence for 610 of 610 users") })
  }
}
