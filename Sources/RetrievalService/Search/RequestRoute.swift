// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import VectorIndex

/// Which version answers each query of a request, all of them chosen at one moment.
struct RequestRoute: Sendable {
  /// One per query.
  let queries: [QueryRoute]
  /// Of the index; nil for a version that was asked for by its name.
  let routing: Routing?
  /// What all of the request's vectors were made by; empty when it does not say.
  let expectedSpace: String

  init(_ queries: [QueryRoute], of target: VersionResolver.Target, expectedSpace: String) {
    self.queries = queries
    self.expectedSpace = expectedSpace
    if case .index(let routing) = target { self.routing = routing } else { routing = nil }
  }

  private init(_ queries: [QueryRoute], like other: RequestRoute) {
    self.queries = queries
    routing = other.routing
    expectedSpace = other.expectedSpace
  }

  /// For queries of a stream, which all go the way of the first, or not at all.
  func repeated(for queries: [Retrieval_Query]) -> RequestRoute {
    let first = self.queries[0]
    let target = routing.map(VersionResolver.Target.index) ?? .pinned(first.served)
    return RequestRoute(
      queries.map { first.bound(by: $0, key: first.key ?? "", of: target, field: "query", isStreamed: true) },
      like: self)
  }
}

/// Which version answers a query, and why it does.
struct QueryRoute: Sendable {
  /// The version that it was sent to; where there is a refusal, the one that it would be sent to now.
  var served: ServedVersion
  /// By which it was routed; nil for a version that was asked for by its name.
  var key: String?
  /// Whether the rollout's share alone chose the version.
  var isBySplit = false
  /// Why the version does not answer.
  var refusal: ServiceFailure?
  /// The candidate that was to answer and has failed, as the caller says who asks the stable version instead.
  var fellBackFrom: IndexVersion?
}

extension QueryRoute {
  /// The way of a query that may say itself which version it is for.
  ///
  /// - Parameters:
  ///   - field: path of the query from the root of its message.
  ///   - isStreamed: whether the query goes the way of its stream, and cannot leave its version.
  func bound(
    by query: Retrieval_Query, key: String, of target: VersionResolver.Target, field: String, isStreamed: Bool = false
  ) -> QueryRoute {
    guard query.namesVersion else { return self }
    var route = self
    do throws(ServiceFailure) {
      let expected = try Self.name(query.expectedVersion, "\(field).expected_version")
      if query.fellBackFrom.isEmpty {
        guard expected == served.version.info.name else {
          throw changed(
            "the query is for \(expected), and \(served.version.info.name) answers its key by now",
            "encode for the version that it names", "\(field).expected_version")
        }
      } else {
        let failed = try Self.name(query.fellBackFrom, "\(field).fell_back_from")
        if isStreamed {
          throw changed(
            "a stream stays with the version that it began with, \(served.version.info.name)",
            "send what falls back by Search", "\(field).fell_back_from")
        }
        route = try fallingBack(from: failed, to: expected, target, field: field)
      }
    } catch {
      route.refusal = error
    }
    return route
  }

  /// The stable version's way, where it may answer for the candidate that the key would have met.
  private func fallingBack(
    from failed: VersionName, to expected: VersionName, _ target: VersionResolver.Target, field: String
  ) throws(ServiceFailure) -> QueryRoute {
    guard case .index(let routing) = target else {
      throw changed(
        "the request asks for \(served.version.info.name) by its name, and nothing falls back from that",
        "name the index", "\(field).fell_back_from")
    }
    if let fault = fault(ofFallbackFrom: failed, routing) {
      throw changed(fault, "encode for the version that it names", "\(field).fell_back_from")
    }
    let stable = ServedVersion(version: routing.stable, role: .stable, generation: routing.generation)
    guard stable.version.info.name == expected else {
      throw changed(
        "the query is for \(expected), and what the candidate fails is answered by \(stable.version.info.name)",
        "encode for the stable version", "\(field).expected_version")
    }
    return QueryRoute(served: stable, key: key, fellBackFrom: routing.candidate?.version)
  }

  /// Why the stable version does not answer in this version's place; nil where it does.
  private func fault(ofFallbackFrom failed: VersionName, _ routing: Routing) -> String? {
    guard let candidate = routing.candidate else {
      return "\(failed) is said to have failed, and no rollout of the index is under way"
    }
    let name = candidate.version.info.name
    if name != failed { return "\(failed) is said to have failed, and the rollout under way brings in \(name)" }
    if served.arm != .candidate {
      return "\(failed) is said to have failed, and \(served.version.info.name) answers the query's key"
    }
    if !candidate.rollout.plan.fallsBackToStable {
      return "\(failed) is said to have failed, and the plan of its rollout has no fallback_to_stable"
    }
    return nil
  }

  private func changed(_ what: String, _ remedy: String, _ field: String) -> ServiceFailure {
    ServiceFailure(
      .servingStateChanged,
      "\(what) (serving generation \(served.generation)); ask for the routing again (GetRouting), and \(remedy)",
      field: field)
  }

  private static func name(_ text: String, _ field: String) throws(ServiceFailure) -> VersionName {
    try mappingFailures(fields: [field]) { () throws(VectorIndexError) in try VersionName(parsing: text) }
  }
}
