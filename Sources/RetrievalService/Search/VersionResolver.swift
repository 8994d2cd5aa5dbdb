// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import VectorIndex

/// Which version answers a request's queries, and whether it may.
struct VersionResolver: Sendable {
  /// What a request asks, at one moment.
  enum Target: Sendable {
    /// Exactly this version.
    case pinned(ServedVersion)
    /// The index whose routing chooses.
    case index(Routing)
  }

  let store: VersionStore

  /// - Parameter path: in front of the request's `target`, with its full stop.
  func target(_ target: Retrieval_VersionSelector, path: String = "") throws(ServiceFailure) -> Target {
    if case .version(let name) = target.selector {
      return .pinned(
        try mappingFailures(fields: ["\(path)target.version"]) { () throws(VectorIndexError) in
          try store.resolve(version: VersionName(parsing: name))
        })
    }
    let field = "\(path)target.index"
    let index = try indexName(target.index, field: field)
    return .index(
      try mappingFailures(fields: [field]) { () throws(VectorIndexError) in try store.routing(of: index) })
  }

  /// Routes the queries of a request, all at one moment.
  func route(_ request: Retrieval_SearchRequest) throws(ServiceFailure) -> RequestRoute {
    let target = try target(request.target)
    // Without a key every request goes its own way, all of its queries together.
    let common = Self.key(of: request.target)
    let routes = request.queries.enumerated().map { place, query in
      let key = query.routingKey.isEmpty ? common : query.routingKey
      return Self.route(query, key: key, by: target, expectedSpace: request.expectedSpaceFingerprint)
        .bound(by: query, key: key, of: target, field: "queries[\(place)]")
    }
    return try Self.checked(RequestRoute(routes, of: target, expectedSpace: request.expectedSpaceFingerprint))
  }

  /// The version that answers a request without vectors.
  func resolve(_ selector: Retrieval_VersionSelector) throws(ServiceFailure) -> ServedVersion {
    switch try target(selector) {
    case .pinned(let served): served
    case .index(let routing): routing.split(Self.key(of: selector))
    }
  }

  /// The way of a stream, whose vectors are not known yet.
  func route(
    stream selector: Retrieval_VersionSelector, path: String, expectedSpace: String
  ) throws(ServiceFailure) -> RequestRoute {
    let target = try target(selector, path: path)
    let route = Self.route(
      Retrieval_Query(), key: Self.key(of: selector), by: target, expectedSpace: expectedSpace)
    return try Self.checked(RequestRoute([route], of: target, expectedSpace: expectedSpace), path: path)
  }

  private static func key(of target: Retrieval_VersionSelector) -> String {
    target.routingKey.isEmpty ? String(UInt64.random(in: .min ... .max)) : target.routingKey
  }

  /// Who names a version goes where the key's share says: what became of the version is seen there. Others may be sent where
  /// their vectors fit.
  private static func route(
    _ query: Retrieval_Query, key: String, by target: Target, expectedSpace: String
  ) -> QueryRoute {
    switch target {
    case .pinned(let served): return QueryRoute(served: served)
    case .index(let routing) where query.namesVersion:
      return QueryRoute(served: routing.split(key), key: key, isBySplit: true)
    case .index(let routing):
      let choice = routing.choose(key: key, trainings: query.trainings(expectedSpace: expectedSpace))
      return QueryRoute(served: choice.served, key: key, isBySplit: choice.isBySplit)
    }
  }

  /// Refuses the request when a version that is to answer was built by another training than it expects.
  private static func checked(_ route: RequestRoute, path: String = "") throws(ServiceFailure) -> RequestRoute {
    if route.expectedSpace.isEmpty { return route }
    for query in route.queries where query.refusal == nil {
      let info = query.served.version.info
      guard !info.builtBy.isOf(training: route.expectedSpace) else { continue }
      throw ServiceFailure(
        .modelMismatch,
        "\(info.name) was built by \(info.builtBy.name) \(info.builtBy.version) with space fingerprint "
          + "\(info.builtBy.spaceFingerprint), the query vectors come from \(route.expectedSpace): scores between them mean "
          + "nothing. Publish item vectors of the checkpoint that the users are encoded with, or search its version",
        field: "\(path)expected_space_fingerprint")
    }
    return route
  }
}

extension Retrieval_Query {
  /// Whether it says which version it is for.
  var namesVersion: Bool { !expectedVersion.isEmpty || !fellBackFrom.isEmpty }

  /// What it has a vector of; empty when nobody says what its one vector was made by.
  func trainings(expectedSpace: String) -> [String] {
    expectedSpace.isEmpty ? vectors.prefix(RetrievalReader.maxVectors).map(\.spaceFingerprint) : [expectedSpace]
  }
}
