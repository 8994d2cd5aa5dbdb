// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import CLI

/// The services against the reference framework.
@Suite("The services answer as the reference framework does", .timeLimit(.minutes(60))) struct VerifyTests {
  private static let goldens = SharedFiles.path("goldens")

  private static let areThere = SharedFiles.has("goldens")

  @Test(.enabled(if: areThere, "no goldens: set ILLMREC_SHARED to a directory that holds goldens/"))
  func `The goldens are matched`() async throws {
    for golden in try FileManager.default.contentsOfDirectory(atPath: Self.goldens).sorted() {
      let (exit, output) = try await runExecutable("illmrec", ["verify", "\(Self.goldens)/\(golden)", "--json"])
      #expect(exit == .code(0), "\(golden): \(output)")
      #expect(output.contains("\"passed\": true"))
      #expect(!output.contains("\"passed\": false"))
    }
  }

  @Test(.enabled(if: areThere, "no goldens: set ILLMREC_SHARED to a directory that holds goldens/"))
  func `A wrong answer is found`() async throws {
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: Self.goldens).min())
    let directory = try TemporaryDirectory()
    let copy = directory.file("golden")
    try FileManager.default.copyItem(atPath: "\(Self.goldens)/\(name)", toPath: copy)
    try Self.spoil("\(copy)/expected.json")
    let (exit, output) = try await runExecutable("illmrec", ["verify", copy])
    #expect(exit == .code(1))
    let failed = output.split(separator: "\n").filter { $0.contains("FAIL") }
    #expect(failed.count == 2)
    #expect(failed.contains { $0.hasPrefix("embedding") && $0.contains("image ") })
    #expect(failed.contains { $0.hasPrefix("token ids") && $0.contains("position 1:") })
  }

  /// Changes an embedding by more than its bound, and one token.
  private static func spoil(_ path: String) throws {
    let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path)))
    var expected = try #require(object as? [String: Any])
    var images = try #require(expected["images"] as? [[String: Any]])
    var histories = try #require(expected["histories"] as? [[String: Any]])
    let embedding = try #require(images[1]["embedding"] as? [Double])
    images[1]["embedding"] = embedding.map { $0 * 1.001 }
    var tokens = try #require(histories[0]["token_ids"] as? [Int])
    tokens[1] += 1
    histories[0]["token_ids"] = tokens
    expected["images"] = images
    expected["histories"] = histories
    // JSONSerialization writes as many digits as a double has: the other numbers stay what they were.
    try JSONSerialization.data(withJSONObject: expected).write(to: URL(filePath: path))
  }
}
