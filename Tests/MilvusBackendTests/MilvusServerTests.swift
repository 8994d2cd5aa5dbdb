// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import VectorIndex

@testable import MilvusBackend

@Suite(
  "A Milvus server is spoken to", .enabled(if: MilvusServer.isUsed, "\(MilvusServer.hint)"))
struct MilvusServerTests {
  @Test
  func `A server answers`() async throws {
    let backend = try MilvusBackend(MilvusSettings(address: #require(MilvusServer.address)))
    let version = try await backend.version()
    #expect(!version.isEmpty)
    #expect(await backend.isHealthy())
    await backend.shutdown()
  }

  @Test
  func `A server is not well where nobody listens, and the error names the address`() async throws {
    let backend = try MilvusBackend(MilvusSettings(address: "127.0.0.1:1"))
    #expect(await !backend.isHealthy())
    let error = await #expect(throws: VectorIndexError.self) { try await backend.version() }
    #expect(error?.code == .backendUnavailable && error?.message.contains("127.0.0.1:1") == true)
    await backend.shutdown()
  }

  @Test
  func `What is not there is dropped without an error, and collections are listed by prefix`() async throws {
    let backend = try MilvusBackend(MilvusSettings(address: #require(MilvusServer.address)))
    try await backend.drop("illmrec_nobodys_collection")
    let found = try await backend.collections(withPrefix: "illmrec_nobodys_")
    #expect(found.isEmpty)
    await backend.shutdown()
  }
}
