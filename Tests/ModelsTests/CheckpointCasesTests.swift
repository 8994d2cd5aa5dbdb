// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import Testing

/// Checkpoints as other tools write them: what scripts/make-cases.py wrote into the directory that ILLMREC_CASES names. Each
/// comes to what PyTorch and transformers made of it, or is refused by name.
@Suite("Checkpoints of other tools are right, or refused by name")
struct CheckpointCasesTests {
  private struct Verdict: Decodable {
    let refused: String
  }

  static let cases: [String] = {
    guard let directory = ProcessInfo.processInfo.environment["ILLMREC_CASES"] else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory + "/checkpoints")) ?? []
    return names.sorted().map { "\(directory)/checkpoints/\($0)" }
  }()

  @Test(.enabled(if: !cases.isEmpty, "ILLMREC_CASES names no cases; make check-cases makes some"), arguments: cases)
  func `A checkpoint is right, or refused`(path: String) throws {
    let location = GoldenTests.location(path)
    guard let json = try? Data(contentsOf: URL(filePath: path + "/case.json")) else {
      return try check(location, GoldenTests.Expected(golden: path))
    }
    let refused = try JSONDecoder().decode(Verdict.self, from: json).refused
    let error = #expect(throws: ModelError.self, "\(path) was read") {
      _ = try ImageModel(checkpoint: location, spaces: [.image], threads: 1)
      _ = try UserModel(checkpoint: location, configuration: .init(threads: 1))
    }
    #expect(error?.message.contains(refused) == true, "\(error?.message ?? "")")
  }

  private func check(_ location: CheckpointLocation, _ expected: GoldenTests.Expected) throws {
    let images = try ImageModel(checkpoint: location, spaces: [.image], threads: 1)
    let tokens = try images.softTokens(
      of: Matrix(vectors: expected.images.map(\.embedding), columns: images.embeddingDim))
    let users = try UserModel(checkpoint: location, configuration: .init(threads: 1))
    let states = try users.hiddenStates(of: try expected.prompts(for: users))
    for (row, image) in expected.images.enumerated() {
      #expect(relativeDistance(Array(tokens[row: row]), image.softToken) < GoldenTests.tolerance)
    }
    for (row, history) in expected.histories.enumerated() {
      #expect(relativeDistance(Array(states[row: row]), history.hiddenState) < GoldenTests.tolerance, "history \(row)")
    }
  }
}
