// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization

/// The routing of the indexes that are asked for, kept for a moment. How old it is costs a repetition where it has changed, and
/// never a wrong answer.
final class RoutingCache: Sendable {
  private struct Key: Hashable, Sendable {
    let isVersion: Bool
    let name: Identifier

    init(_ selector: Retrieval_VersionSelector.OneOf_Selector) {
      switch selector {
      case .index(let name): (isVersion, self.name) = (false, Identifier(name))
      case .version(let name): (isVersion, self.name) = (true, Identifier(name))
      }
    }
  }

  private struct Entry: Sendable {
    /// Nil for a retrieval service that knows no releases.
    let routing: ReleaseRouting?
    let until: ContinuousClock.Instant
  }

  /// Indexes are named by callers, so that there is a bound.
  private static let maxEntries = 1000

  private let services: ServiceClients
  private let lifetime: Duration
  private let entries = Mutex<[Key: Entry]>([:])

  init(services: ServiceClients, lifetime: Duration = .milliseconds(250)) {
    self.services = services
    self.lifetime = lifetime
  }

  /// Which release answers whom.
  ///
  /// - Parameter afresh: whether what is kept is known to be outdated.
  /// - Returns: nil where the retrieval service is of a release that cannot tell; it then routes by itself.
  func routing(
    of target: Retrieval_VersionSelector, _ scope: RequestScope, afresh: Bool = false
  ) async throws -> ReleaseRouting? {
    let selector = target.selector ?? .index("")
    let key = Key(selector)
    if !afresh, let known = entries.withLock({ $0[key] }), known.until > .now { return known.routing }
    let routing = try await ask(selector, scope)
    let entry = Entry(routing: routing, until: .now + lifetime)
    entries.withLock { entries in
      if entries.count >= Self.maxEntries { entries = entries.filter { $0.value.until > .now } }
      if entries.count < Self.maxEntries { entries[key] = entry }
    }
    return routing
  }

  private func ask(
    _ selector: Retrieval_VersionSelector.OneOf_Selector, _ scope: RequestScope
  ) async throws -> ReleaseRouting? {
    let stage = Stage(name: "asking which version answers", target: services.retrievalTarget) { path in
      path.steps[0].name == "target" ? path.description : nil
    }
    let request = Retrieval_GetRoutingRequest.with { $0.target.selector = selector }
    let response = try await scope.call(stage) { (metadata, options) -> Retrieval_GetRoutingResponse? in
      do {
        return try await services.retrieval.getRouting(request, metadata: metadata, options: options)
      } catch let error as RPCError where error.code == .unimplemented {
        return nil
      }
    }
    return response.map { ReleaseRouting($0.routing) }
  }
}
