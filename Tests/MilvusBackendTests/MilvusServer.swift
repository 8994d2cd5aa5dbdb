import Foundation

/// The server that the tests speak to.
enum MilvusServer {
  /// Nil when there is none: its tests are skipped.
  static let address = ProcessInfo.processInfo.environment["ILLMREC_MILVUS_ADDRESS"]
}
