// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import SwiftProtobuf
package import VectorIndex

/// Keeps the vectors of versions in a Milvus cluster: one physical collection per version, never an alias, which proxies cache.
///
/// A collection has two columns: the row's number in the version's item table, which is its primary key, and the vector.
package struct MilvusBackend: VectorBackend {
  enum Column {
    static let row = "row"
    static let vector = "vector"
  }

  let connection: MilvusConnection

  /// Connects when the first call needs it.
  ///
  /// - Throws: `TransportError` for an address that cannot be one.
  package init(_ settings: MilvusSettings) throws {
    connection = try MilvusConnection(settings)
  }

  package var name: String { connection.place }

  package var dims: ClosedRange<Int> { 2...32_768 }

  package func open(_ collection: VectorCollection) -> any CollectionReader {
    MilvusCollection(collection, connection)
  }

  package func drop(_ name: String) async throws(VectorIndexError) {
    do {
      _ = try await connection.call("delete collection \(name)", timeout: .seconds(60)) { client, metadata, options in
        try await client.dropCollection(
          .with {
            $0.dbName = connection.settings.database
            $0.collectionName = name
          }, metadata: metadata, options: options)
      }
    } catch {
      // Milvus answers so for what is not there in some releases, and with success in others.
      if (error.cause as? MilvusStatus)?.isCollectionMissing != true { throw error }
    }
  }

  package func collections(withPrefix prefix: String) async throws(VectorIndexError) -> [String] {
    let response = try await connection.call("list its collections") { client, metadata, options in
      try await client.showCollections(
        .with { $0.dbName = connection.settings.database }, metadata: metadata, options: options)
    }
    return response.collectionNames.filter { $0.hasPrefix(prefix) }
  }

  /// Whether the cluster says that it is well.
  package func isHealthy() async -> Bool {
    let response = try? await connection.call("say how it is", timeout: .seconds(5)) { client, metadata, options in
      try await client.checkHealth(.init(), metadata: metadata, options: options)
    }
    return response?.isHealthy ?? false
  }

  /// The release that listens at the address.
  package func version() async throws(VectorIndexError) -> String {
    try await connection.call("name its release") { client, metadata, options in
      try await client.getVersion(.init(), metadata: metadata, options: options)
    }.version
  }

  /// Closes the connections.
  package func shutdown() async { await connection.shutdown() }
}
