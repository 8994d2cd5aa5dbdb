import Testing
import VectorIndex

@testable import MilvusBackend

@Suite(
  "A Milvus server", .enabled(if: MilvusServer.address != nil, "set ILLMREC_MILVUS_ADDRESS, or run make test-milvus"))
struct MilvusServerTests {
  @Test("answers")
  func answers() async throws {
    let backend = try MilvusBackend(MilvusSettings(address: #require(MilvusServer.address)))
    #expect(try await !backend.version().isEmpty)
    #expect(await backend.isHealthy())
    await backend.shutdown()
  }
}
