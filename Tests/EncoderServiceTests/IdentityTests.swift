// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Items
import ServiceAPI
import SwiftProtobuf
import TestSupport
import Testing

@testable import EncoderService

@Suite("The item store takes names as bytes", .timeLimit(.minutes(60))) struct IdentityTests {
  @Test(arguments: Spellings.all)
  func `Items of both spellings are stored, looked up and exported`(spelling text: Spellings) async throws {
    try await withServer { client, _ in
      try await client.store([item(text.one, [1, 2, 3], title: "one"), item(text.other, [4, 5, 6], title: "other")])
      let found = try await client.lookupItems(.with { $0.itemIds = [text.other, text.one] }).items
      #expect(found.map(\.metadata.title) == ["other", "one"])
      #expect(found.map { Array($0.result.itemID.utf8) } == [Array(text.other.utf8), Array(text.one.utf8)])
      let exported = try await client.exportItems(.with { $0.output = .embedding }) { response in
        var ids: [String] = []
        for try await message in response.messages { ids += message.chunk.itemIds }
        return ids
      }
      #expect(
        exported.map { Array($0.utf8) }
          == text.both.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { Array($0.utf8) })
    }
  }

  @Test
  func `Categories are separated also in front of an accent`() {
    #expect(ItemTexts(category: "a|\u{301}b | c").categories == ["a", "\u{301}b", "c"])
  }
}
