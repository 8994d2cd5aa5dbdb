import Foundation
import MilvusBackend
import VectorIndex

/// The Milvus server that the tests run against: named by the environment, so that the same tests hold for both places where
/// vectors can be.
enum MilvusServer {
  /// For tests that need one.
  static let hint = "no Milvus server: set ILLMREC_MILVUS_ADDRESS, or run make test-milvus"

  static let address = ProcessInfo.processInfo.environment["ILLMREC_MILVUS_ADDRESS"]

  /// Nil when vectors are to lie in the data directory.
  static var settings: MilvusSettings? { address.map { MilvusSettings(address: $0) } }

  static var isUsed: Bool { address != nil }

  /// The collections of the data directory with this id; nil when there is no server.
  static func collections(of id: String) async throws -> [String]? {
    guard let settings else { return nil }
    let backend = try MilvusBackend(settings)
    let names = try await backend.collections(withPrefix: "illmrec_\(id)_")
    await backend.shutdown()
    return names
  }
}
