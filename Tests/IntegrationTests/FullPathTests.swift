// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Testing

@testable import CLI

/// Images in, recommendations out, over four processes.
@Suite("Images go in and recommendations come out, over four processes", .timeLimit(.minutes(60))) struct FullPathTests
{
  @Test func `A catalog is encoded, published and recommended from`() async throws {
    let stack = try TestShop.stack()
    defer { try? FileManager.default.removeItem(atPath: stack.state) }
    try await ServiceStack.run(stack) { endpoints in
      try await withClient(target: endpoints.encoder) { client in
        let response = try await client.encoder.encodeImages(
          .with {
            $0.items = try (0..<8).map(TestShop.item)
            $0.store = true
          })
        #expect(response.results.allSatisfy { !$0.hasError })
      }
      let version = try await IndexPublication(
        index: "default", labels: [:], encoder: endpoints.encoder, retrieval: endpoints.retrieval
      ).run()
      #expect(version.itemCount == 8)
      try await Self.compareGatewayWithServices(endpoints)
      try await Self.expectErrorsThatNameTheField(endpoints)
    }
    // Ended in order, so nothing is left running and the state can be used again.
    _ = try StateDirectory(stack.state)
  }

  /// What the gateway answers is what its three stages answer when they are called one by one.
  private static func compareGatewayWithServices(_ endpoints: ServiceEndpoints) async throws {
    let history = [3, 0, 5].map(TestShop.itemID)
    let looked = try await withClient(target: endpoints.encoder) {
      try await $0.encoder.lookupItems(
        .with {
          $0.itemIds = history
          $0.outputs = [.softToken]
        })
    }
    let users = try await withClient(target: endpoints.llm) {
      try await $0.llm.encodeUsers(
        .with {
          $0.users = [
            .with {
              $0.history.items = looked.items.map { item in
                .with {
                  $0.title = item.metadata.title
                  $0.softToken = item.result.softToken
                }
              }
            }
          ]
          $0.expectedSpaceFingerprint = looked.model.spaceFingerprint
        })
    }
    let search = try await withClient(target: endpoints.retrieval) {
      try await $0.retrieval.search(
        .with {
          $0.queries = [
            .with {
              $0.vector = users.results[0].userVector
              $0.k = 5
              $0.excludeItemIds = history
            }
          ]
          $0.expectedSpaceFingerprint = users.model.spaceFingerprint
        })
    }
    let images = try [3, 0, 5].map(TestShop.image)
    try await withClient(target: endpoints.gateway ?? "") { client in
      let response = try await client.gateway.recommend(
        .with {
          $0.users = [
            .with { $0.interactions = history.map { id in .with { $0.itemID = id } } },
            // The same history by its looks: the items themselves are not excluded then.
            .with {
              $0.interactions = zip([3, 0, 5], images).map { index, image in
                .with {
                  $0.image = .with {
                    $0.encoded = image; $0.title = TestShop.titles[index]
                  }
                }
              }
              $0.excludeItemIds = history
            },
          ]
          $0.k = 5
        })
      let expected = search.results[0].items.map(\.itemID)
      #expect(expected.count == 5 && Set(expected).isDisjoint(with: history))
      #expect(response.results.map { $0.items.map(\.itemID) } == [expected, expected])
      #expect(response.results[0].items.map(\.metadata.title) == expected.map(Self.title))
      #expect(response.servedBy.version == search.servedBy.version)
      #expect(response.llmModel.fingerprint == users.model.fingerprint)
      #expect(response.timings.totalMicros > 0)
      // Batched with another prompt the sums may be taken in another order: float32, so 1e-5 of the size of a score.
      for (item, scored) in zip(response.results[0].items, search.results[0].items) {
        #expect(abs(item.score - scored.score) <= 1e-5 * max(1, abs(scored.score)))
      }
    }
  }

  private static func title(_ id: String) -> String {
    TestShop.titles[Int(id.drop { !$0.isNumber }) ?? 0]
  }

  private static func expectErrorsThatNameTheField(_ endpoints: ServiceEndpoints) async throws {
    try await withClient(target: endpoints.gateway ?? "") { client in
      let response = try await client.gateway.recommend(
        .with {
          $0.users = [
            .with { $0.interactions = [.with { $0.itemID = "no such item" }] }, .init(),
            .with { $0.interactions = [.with { $0.image = .with { $0.encoded = Data([0xFF, 0xD8, 0xFF]) } }] },
            .with { $0.interactions = [.with { $0.itemID = TestShop.itemID(1) }] },
          ]
        })
      #expect(response.results.map(\.error.reason).prefix(2) == ["ITEM_NOT_FOUND", "HISTORY_EMPTY"])
      #expect(response.results[2].error.reason.hasPrefix("IMAGE_"))
      #expect(response.results[2].error.message.hasPrefix("users[2].interactions[0].image.encoded: "))
      #expect(response.results[3].items.count == 7)
      let missing = await #expect(throws: RPCError.self) {
        try await client.gateway.recommend(
          .with {
            $0.users = [.with { $0.interactions = [.with { $0.itemID = TestShop.itemID(1) }] }]
            $0.target.index = "no-such-index"
          })
      }
      #expect(missing?.code == .notFound)
      #expect(missing?.message.hasPrefix("target.index: ") == true)
      #expect(missing?.message.contains("asking which version answers (\(endpoints.retrieval)): ") == true)
    }
  }
}
