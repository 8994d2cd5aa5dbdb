import Testing
import VectorIndex

@testable import MilvusBackend

@Suite(
  "A Milvus server", .enabled(if: MilvusServer.address != nil, "set ILLMREC_MILVUS_ADDRESS, or run make test-milvus"))
struct MilvusServerTests {
  @Test("answers")
  func answers() async throws {
    let backend = try MilvusBackend(MilvusSettings(address: #require(MilvusServer.address)))
    let version = try await backend.version()
    #expect(!version.isEmpty)
    #expect(await backend.isHealthy())
    await backend.shutdown()
  }

  @Test("is not well where nobody listens, and the error names the address")
  func nobody() async throws {
    let backend = try MilvusBackend(MilvusSettings(address: "127.0.0.1:1"))
    #expect(await !backend.isHealthy())
    let error = await #expect(throws: VectorIndexError.self) { try await backend.version() }
    #expect(error?.code == .backendUnavailable && error?.message.contains("127.0.0.1:1") == true)
    await backend.shutdown()
  }

  @Test("drops what is not there without an error, and lists by prefix")
  func dropping() async throws {
    let backend = try MilvusBackend(MilvusSettings(address: #require(MilvusServer.address)))
    try await backend.drop("illmrec_nobodys_collection")
    let found = try await backend.collections(withPrefix: "illmrec_nobodys_")
    #expect(found.isEmpty)
    await backend.shutdown()
  }
}
