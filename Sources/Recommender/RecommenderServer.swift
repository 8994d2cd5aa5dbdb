// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
import GRPCTransport
package import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// RecommenderService: EncoderService, LLMService and RetrievalService joined, for callers that want items and nothing in
/// between. It computes nothing and keeps nothing but the services' published limits and the routing of a moment.
package struct RecommenderServer: Sendable {
  private let services: ServiceClients
  private let limits: RecommenderLimits
  private let published: PublishedLimits
  private let routings: RoutingCache
  private let comparisons = ComparisonOffers()

  /// - Parameter limitsLifetime: how long what the services say of their limits is believed.
  package init(
    services: ServiceClients, limits: RecommenderLimits = RecommenderLimits(), limitsLifetime: Duration = .seconds(60)
  ) {
    self.services = services
    self.limits = limits
    published = PublishedLimits(services: services, lifetime: limitsLifetime)
    routings = RoutingCache(services: services)
  }

  /// Answers a request, also one that did not come over RPC.
  ///
  /// - Parameters:
  ///   - deadline: when the caller gives up; each stage is given what is left until then.
  ///   - withMetadata: whether the recommended items' titles are looked up.
  ///   - catalog: the snapshot to read items from, an empty one for what the encoder reads by default; nil for what the version was
  ///     built from which answers.
  /// - Throws: ServiceFailure when a stage fails; CancellationError once nobody waits for the answer.
  package func recommend(
    _ request: Recommender_RecommendRequest, deadline: ContinuousClock.Instant?, withMetadata: Bool = true,
    catalog: Common_CatalogRef? = nil
  ) async throws -> Recommender_RecommendResponse {
    let arrival = ContinuousClock.now
    try RecommenderReader(limits: limits).check(request)
    let id = request.requestID.isEmpty ? RequestIdentity.current?.value ?? "" : request.requestID
    let scope = RequestScope(requestID: id, deadline: deadline, heedsTaskDeadlines: services.heedDeadlines)
    return try await cancellingWithRPC {
      let context = RequestContext(
        request: request, services: services, scope: scope, published: try await publishedLimits(for: request, scope),
        limits: limits, withMetadata: withMetadata, catalog: catalog)
      var routed = try RoutedRequest(context, routings: routings, comparisons: comparisons)
      return try await routed.run(arrival: arrival)
    }
  }
}

extension RecommenderServer {
  /// Most failures that are told at once while the retrieval service has not said how many it takes.
  private static let failuresAtOnce = 100

  /// What the services take. One that is away fails the users of both releases of a rollout, and is counted for them; a request that
  /// comes without time is not.
  private func publishedLimits(
    for request: Recommender_RecommendRequest, _ scope: RequestScope
  ) async throws -> PublishedLimits.Values {
    do {
      return try await published.values(scope)
    } catch let failure as ServiceFailure where failure.reason != FailureReason.deadlineExceeded.rawValue {
      let common = RoutedRequest.commonKey(of: request)
      let users = request.users.enumerated().map { place, history in
        UserProgress(history, place: place, maxHistoryItems: 1).routed(of: request, commonKey: common)
      }
      if let routing = try? await routings.routing(of: request.target, scope) {
        await FailureReport(of: users, all: failure, routing)?
          .send(to: services, as: scope, maxCount: Self.failuresAtOnce)
      }
      throw failure
    }
  }
}

extension RecommenderServer: Recommender_RecommenderService.SimpleServiceProtocol {
  package func recommend(
    request: Recommender_RecommendRequest, context: ServerContext
  ) async throws -> Recommender_RecommendResponse {
    try await recommend(request, deadline: context.deadline)
  }

  package func getServerInfo(
    request: Recommender_GetServerInfoRequest, context: ServerContext
  ) async throws -> Recommender_GetServerInfoResponse {
    .with {
      $0.serverVersion = Product.version
      $0.encoderTarget = services.encoderTarget
      $0.llmTarget = services.llmTarget
      $0.retrievalTarget = services.retrievalTarget
      $0.limits = Recommender_Limits(limits)
    }
  }
}
