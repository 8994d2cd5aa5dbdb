// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCInProcessTransport
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import EncoderService

@Suite("Who computes with the models does not thereby write the catalog", .timeLimit(.minutes(60)))
struct StoringRoleTests {
  private func refusal(_ client: Client, _ token: BearerToken, stores: Bool) async -> RPCError? {
    let request = Encoder_EncodeImagesRequest.with {
      $0.items = [item("a", [1, 2, 3])]
      $0.outputs = [.embedding]
      $0.store = stores
    }
    do {
      _ = try await client.encodeImages(request, metadata: .bearer(token.text))
      return nil
    } catch {
      return error as? RPCError
    }
  }

  private func streamRefusal(_ client: Client, _ token: BearerToken) async -> RPCError? {
    do {
      try await client.streamEncodeImages(metadata: .bearer(token.text)) { writer in
        try await writer.write(.with { $0.config.store = true })
      } onResponse: { response in
        for try await _ in response.messages {}
      }
      return nil
    } catch {
      return error as? RPCError
    }
  }

  @Test func `Storing needs publish, where encoding needs encode`() async throws {
    let fixture = try PolicyFixture()
    let encoder = BearerToken.random()
    let control = try fixture.control(
      "{"
        + fixture.identities(
          ", {\"name\": \"gateway\", \"roles\": [\"encode\"], \"tokens\": [\"\(encoder.digest.text)\"]}") + "}")
    let directory = try TemporaryDirectory()
    let server = try makeServer(ScriptedModel(), in: directory)
    try await withServicesInProcess([server], access: control) { transport in
      let client = Client(wrapping: transport)
      let encoding = await refusal(client, encoder, stores: false)
      #expect(encoding == nil)
      let storing = await refusal(client, encoder, stores: true)
      #expect(storing?.code == .permissionDenied && storing?.reason == "ROLE_MISSING")
      #expect(storing?.violation?.field == "store")
      let streaming = await streamRefusal(client, encoder)
      #expect(streaming?.reason == "ROLE_MISSING" && streaming?.violation?.field == "config.store")
      let publishing = await refusal(client, fixture.indexer, stores: true)
      #expect(publishing == nil)
    }
    await server.shutdown()
  }
}
