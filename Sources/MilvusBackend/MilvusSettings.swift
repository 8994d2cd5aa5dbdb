// SPDX-License-Identifier: Apache-2.0

package import GRPCTransport

/// How to reach a Milvus cluster, and how collections are made there.
package struct MilvusSettings: Sendable {
  /// As gRPC names it: "host:port", "dns:///host:port".
  package var address: String
  /// Empty for the default one.
  package var database: String
  /// "user:password" or an API key; nil when the cluster asks for none.
  package var token: String?
  /// Nil for no TLS.
  package var tls: CGrpcClientTransport.Configuration.TLS?
  package var index: MilvusIndex
  /// Copies of each collection in the memory of query nodes.
  package var replicas: Int
  /// Channels that the rows of a collection are written through.
  package var shards: Int
  package var consistency: Consistency
  /// For one search or look-up of vectors, where the caller's own deadline is not nearer.
  package var searchTimeout: Duration
  /// For everything a publication waits for after its rows are written: flush, index, load.
  package var publishTimeout: Duration

  package init(address: String) {
    self.address = address
    database = ""
    token = nil
    tls = nil
    index = .flat
    replicas = 1
    shards = 1
    consistency = .bounded
    searchTimeout = .seconds(10)
    publishTimeout = .seconds(7200)
  }

  /// How far a search waits for writes before it. A published collection is written to no more, so that the weakest level
  /// gives complete answers once every replica has loaded it.
  package enum Consistency: String, CaseIterable, Sendable {
    case strong
    case bounded
    case eventually

    var level: Milvus_Proto_Common_ConsistencyLevel {
      switch self {
      case .strong: .strong
      case .bounded: .bounded
      case .eventually: .eventually
      }
    }

    /// What releases before 2.2.9 read instead of the level: a timestamp, or a small number for a level.
    var guaranteeTimestamp: UInt64 {
      switch self {
      case .strong: 0
      case .bounded: 2
      case .eventually: 1
      }
    }
  }
}
