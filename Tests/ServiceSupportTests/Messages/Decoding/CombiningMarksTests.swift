// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import ServiceAPI
import SwiftProtobuf
import TestSupport
import Testing

@testable import ServiceSupport

/// Text whose comparison takes the square of its length never becomes a String.
@Suite("Texts of marks upon marks are refused before they are decoded")
struct CombiningMarksTests {
  private func overrun(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { CombiningMarks.overrun($0) } }
  private func overrun(_ text: String) -> Bool { overrun(Array(text.utf8)) }

  /// Marks of two, three and four bytes, of Latin, Hebrew, Thai, Kana, and of music.
  @Test(arguments: ["\u{301}", "\u{5B0}", "\u{E48}", "\u{3099}", "\u{1D165}", "\u{301}\u{327}"])
  func `Thirty marks in a row are text, one more is not`(marks: String) {
    let count = marks.unicodeScalars.count
    func row(_ length: Int) -> String {
      String(String.UnicodeScalarView(Array(repeating: Array(marks.unicodeScalars), count: length / count).joined()))
    }
    for front in ["", "a", "ệ", "한", "👩‍🚀", "a" + row(30) + "b"] {
      #expect(!overrun(front + row(30)) && overrun(front + row(30 + count)) && overrun(row(3000) + front))
      #expect(!overrun(row(30) + "\u{34F}" + row(30)), "a grapheme joiner parts them")
    }
  }

  @Test func `Ordinary texts of many scripts are none`() {
    let texts = [
      "", "plain", "Crème brûlée", "Việt Nam", "שָׁלוֹם עֲלֵיכֶם", "اَلسَّلَامُ عَلَيْكُمْ", "ภาษาไทยที่สุด", "हिन्दी", "한국어", "ガギグ",
      "👩‍👩‍👧‍👦🏳️‍🌈", String(repeating: "e\u{301}", count: 1000), String(repeating: "\u{1161}", count: 1000),
    ]
    for text in texts { #expect(!overrun(text), "\(text.prefix(20))") }
  }

  @Test func `Random bytes are judged as their scalars are`() {
    var random = SeededGenerator(seed: 3)
    let pieces: [[UInt8]] =
      ["a", "\u{301}", "\u{5B0}", "\u{E48}", "\u{1D165}", "é", "😀"].map { Array($0.utf8) }
      + [[0xCC], [0x81], [0xE0, 0xB9], [0xFF], [0xC0, 0x80]]
    for _ in 0..<2000 {
      let marks = Int.random(in: 0...40, using: &random)
      var bytes = (0..<Int.random(in: 0...5, using: &random)).flatMap { _ in pieces.randomElement(using: &random) ?? []
      }
      bytes += (0..<marks).flatMap { _ in pieces[Int.random(in: 1...4, using: &random)] }
      bytes += (0..<Int.random(in: 0...5, using: &random)).flatMap { _ in pieces.randomElement(using: &random) ?? [] }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        _ = overrun(bytes)
        continue
      }
      var (run, longest) = (0, 0)
      for scalar in text.unicodeScalars {
        run = scalar.properties.canonicalCombiningClass == .notReordered ? 0 : run + 1
        longest = max(longest, run)
      }
      #expect(overrun(bytes) == (longest > 30))
    }
  }

  @Test func `Every text field of a message is looked at`() throws {
    let budget = DecodingBudget(maxMessage: 64 << 20, maxInProgress: 64 << 20)
    let hostile = "a" + String(repeating: "\u{301}\u{327}", count: 1 << 20)
    let requests: [(any Message, String)] = [
      (Grpc_Health_V1_HealthCheckRequest.with { $0.service = hostile }, "grpc.health.v1.Health/Check"),
      (
        Retrieval_GetVersionRequest.with { $0.name = hostile },
        Retrieval_IndexAdminService.Method.GetVersion.descriptor.fullyQualifiedMethod
      ),
      (
        Encoder_EncodeImagesRequest.with { $0.modelVersion = hostile },
        Encoder_EncoderService.Method.EncodeImages.descriptor.fullyQualifiedMethod
      ),
      (
        LLM_EncodeUsersRequest.with { $0.users = [.with { $0.history.items = [.with { $0.title = hostile }] }] },
        LLM_LLMService.Method.EncodeUsers.descriptor.fullyQualifiedMethod
      ),
      (
        Recommender_RecommendRequest.with { $0.users = [.with { $0.interactions = [.with { $0.itemID = hostile }] }] },
        Recommender_RecommenderService.Method.Recommend.descriptor.fullyQualifiedMethod
      ),
    ]
    let methods = [
      Grpc_Health_V1_Health.Method.descriptors, Retrieval_IndexAdminService.Method.descriptors,
      Encoder_EncoderService.Method.descriptors, LLM_LLMService.Method.descriptors,
      Recommender_RecommenderService.Method.descriptors,
    ].joined()
    for (request, name) in requests {
      let method = try #require(methods.first { $0.fullyQualifiedMethod == name })
      let bytes: [UInt8] = try request.serializedBytes()
      let failure = #expect(throws: ServiceFailure.self) { try budget.admit(MessageBytes(bytes), of: method) }
      #expect(failure?.reason == "TEXT_NOT_STREAM_SAFE" && failure?.code == .invalidArgument)
      #expect(budget.bytesInProgress == 0)
    }
  }
}
