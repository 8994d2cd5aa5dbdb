// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// What all users of a request have in common, whichever release answers them.
struct RequestContext: Sendable {
  let request: Recommender_RecommendRequest
  let services: ServiceClients
  let scope: RequestScope
  /// What the services take in one RPC.
  let published: PublishedLimits.Values
  let limits: RecommenderLimits
  /// Whether the recommended items' titles are looked up.
  let withMetadata: Bool
  /// To read items from whatever the release's is; nil for the release's.
  let catalog: Common_CatalogRef?

  /// The same with time of its own, for what no caller waits for.
  func detached(deadline: ContinuousClock.Instant) -> RequestContext {
    RequestContext(
      request: request, services: services,
      scope: scope.with(deadline: deadline),
      published: published, limits: limits, withMetadata: false, catalog: catalog)
  }
}
