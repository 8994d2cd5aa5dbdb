// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import VectorIndex

/// Which version answers each query of a request, all of them chosen at one moment.
struct RequestRoute: Sendable {
  /// One per query.
  let served: [ServedVersion]
  /// By which each query was routed; empty for a version that was asked for by its name.
  var keys: [String] = []
  /// Of the index; nil for a version that was asked for by its name.
  let routing: Routing?
}

extension RequestRoute {
  /// The same for so many queries of a stream, which all go the way of the first.
  func repeated(_ count: Int) -> RequestRoute {
    RequestRoute(
      served: Array(repeating: served[0], count: count),
      keys: keys.first.map { Array(repeating: $0, count: count) } ?? [], routing: routing)
  }
}

/// Which version answers a request, and whether it may.
struct VersionResolver: Sendable {
  let store: VersionStore

  /// Routes a batch.
  ///
  /// - Parameters:
  ///   - keys: the queries' own routing keys; empty where the target's counts.
  ///   - path: in front of the request's `target` and `expected_space_fingerprint`, with its full stop.
  ///   - expectedSpace: when not empty, what the query vectors were made by.
  func route(
    _ target: Retrieval_VersionSelector, keys: [String], path: String = "", expectedSpace: String = ""
  ) throws(ServiceFailure) -> RequestRoute {
    let route: RequestRoute
    if case .version(let name) = target.selector {
      let pinned = try mappingFailures(fields: ["\(path)target.version"]) { () throws(VectorIndexError) in
        try store.resolve(version: VersionName(parsing: name))
      }
      route = RequestRoute(served: keys.map { _ in pinned }, routing: nil)
    } else {
      let field = "\(path)target.index"
      let index = try indexName(target.index, field: field)
      let routing = try mappingFailures(fields: [field]) { () throws(VectorIndexError) in
        try store.routing(of: index)
      }
      // Without a key every request goes its own way, all of its queries together.
      let common = target.routingKey.isEmpty ? String(UInt64.random(in: .min ... .max)) : target.routingKey
      let used = keys.map { $0.isEmpty ? common : $0 }
      let served = used.map { routing.resolve(key: $0, space: expectedSpace) }
      route = RequestRoute(served: served, keys: used, routing: routing)
    }
    for served in route.served { try check(served.version.info, against: expectedSpace, path: path) }
    return route
  }

  /// The one version that answers a stream, or a request without queries.
  func resolve(
    _ target: Retrieval_VersionSelector, path: String = "", expectedSpace: String = ""
  ) throws(ServiceFailure) -> RequestRoute {
    try route(target, keys: [""], path: path, expectedSpace: expectedSpace)
  }

  private func check(
    _ info: VersionInfo, against expectedSpace: String, path: String
  ) throws(ServiceFailure) {
    guard expectedSpace.isEmpty || expectedSpace == info.builtBy.spaceFingerprint else {
      throw ServiceFailure(
        .modelMismatch,
        "\(info.name) was built by \(info.builtBy.name) \(info.builtBy.version) with space fingerprint "
          + "\(info.builtBy.spaceFingerprint), the query vectors come from \(expectedSpace): scores between them mean "
          + "nothing. Publish item vectors of the checkpoint that the users are encoded with, or search its version",
        field: "\(path)expected_space_fingerprint")
    }
  }
}
