// SPDX-License-Identifier: Apache-2.0

import Items
import ServiceAPI
import ServiceSupport

/// Checks a request before any service works for it: what a service is known to refuse costs no other's computing, and is
/// named as the caller named it.
struct RecommenderReader: Sendable {
  /// Items per user when the request does not say.
  static let defaultK: UInt32 = 10

  let limits: RecommenderLimits

  // MARK: The whole request

  /// What is wrong with a request whatever the services take.
  func check(_ request: Recommender_RecommendRequest) throws(ServiceFailure) {
    guard !request.users.isEmpty else {
      throw ServiceFailure(.noUsers, "no users; send at least one", field: "users")
    }
    guard request.users.count <= limits.maxUsers else {
      throw ServiceFailure(
        .tooManyUsers,
        "\(request.users.count) users, at most \(limits.maxUsers) may be sent; split the request", field: "users")
    }
    try checkK(request, atMost: limits.maxK)
    try check(request.target)
    _ = try CacheScope(request.cacheScope, field: "cache_scope")
    try CategoryFilter.checkNoneEmpty(request.includeCategories, field: "include_categories")
    try CategoryFilter.checkNoneEmpty(request.excludeCategories, field: "exclude_categories")
  }

  /// What is wrong with it for the services behind the gateway. A limit of 0 is one that a service does not publish.
  func check(
    _ request: Recommender_RecommendRequest, against published: PublishedLimits.Values, _ retrieval: String
  ) throws(ServiceFailure) {
    if published.retrieval.maxK > 0 { try checkK(request, atMost: Int(published.retrieval.maxK)) }
    let limit = Int(published.retrieval.maxItemsPerRequest)
    let lists = [
      ("include_categories", request.includeCategories), ("exclude_categories", request.excludeCategories),
    ]
    for (field, names) in lists where limit > 0 && names.count > limit {
      throw ServiceFailure(
        .tooManyItems, "\(names.count) categories; \(retrieval) takes at most \(limit) in a list", field: field)
    }
  }

  private func checkK(_ request: Recommender_RecommendRequest, atMost limit: Int) throws(ServiceFailure) {
    guard request.k <= limit else {
      throw ServiceFailure(
        .kTooLarge, "\(request.k) items per user, at most \(limit) may be asked for", field: "k")
    }
  }

  private func check(_ target: Retrieval_VersionSelector) throws(ServiceFailure) {
    switch target.selector {
    case .index(let name):
      // Empty is the default index.
      if !name.isEmpty { try checkIndex(name, field: "target.index") }
    case .version(let name):
      guard let parts = IndexNaming.parts(ofVersion: name) else {
        throw ServiceFailure(
          .versionNameInvalid, "version name \(IndexNaming.shown(name)) is not \(IndexNaming.versionRule)",
          field: "target.version")
      }
      try checkIndex(parts.index, field: "target.version")
    case nil: break
    }
  }

  private func checkIndex(_ name: String, field: String) throws(ServiceFailure) {
    guard IndexNaming.isIndexName(name) else {
      throw ServiceFailure(
        .indexNameInvalid, "index name \(IndexNaming.shown(name)) is not allowed: \(IndexNaming.indexRule)",
        field: field)
    }
  }

  // MARK: One user

  /// A user of the request, failed already where the services would refuse them.
  func user(
    _ index: Int, of request: Recommender_RecommendRequest, _ published: PublishedLimits.Values, _ retrieval: String
  ) -> UserProgress {
    var user = UserProgress(request.users[index], place: index, maxHistoryItems: Int(published.llm.maxHistoryItems))
    do throws(ServiceFailure) {
      try checkHistory(of: user, published.encoder)
      try checkLists(
        of: user, includesHistory: request.includeHistory, Int(published.retrieval.maxItemsPerRequest), retrieval)
    } catch {
      user.fail(error)
    }
    return user
  }

  private func checkHistory(of user: UserProgress, _ encoder: Encoder_Limits) throws(ServiceFailure) {
    let interactions = user.history.interactions
    guard !interactions.isEmpty else {
      throw ServiceFailure(
        .historyEmpty, "no interactions; send at least one, oldest first", field: "\(user.field).interactions")
    }
    guard interactions.count <= limits.maxInteractions else {
      throw ServiceFailure(
        .historyTooLong,
        "\(interactions.count) interactions, at most \(limits.maxInteractions) may be sent; send the newest, and those that "
          + "must not be recommended in exclude_item_ids",
        field: "\(user.field).interactions")
    }
    for index in user.read { try check(interactions[index], field: user.field(ofInteraction: index), encoder) }
  }

  private func check(
    _ interaction: Recommender_Interaction, field: String, _ encoder: Encoder_Limits
  ) throws(ServiceFailure) {
    switch interaction.item {
    case .itemID(let id) where !id.isEmpty:
      try ItemID.check(id, field: "\(field).item_id")
    case .image(let image):
      guard !image.encoded.isEmpty else {
        throw ServiceFailure(
          .imageEmpty, "the image has no bytes; send a JPEG, PNG, WebP, GIF, BMP or TIFF file",
          field: "\(field).image.encoded")
      }
      guard encoder.maxImageBytes == 0 || image.encoded.count <= Int(encoder.maxImageBytes) else {
        throw ServiceFailure(
          .imageTooLarge,
          "\(image.encoded.count) bytes, at most \(encoder.maxImageBytes) may be sent; send a smaller file",
          field: "\(field).image.encoded")
      }
    case .itemID, nil:
      throw ServiceFailure(.interactionEmpty, "neither item_id nor image is set; set one", field: field)
    }
  }

  /// - Parameter limit: of the retrieval service; 0 when it publishes none.
  private func checkLists(
    of user: UserProgress, includesHistory: Bool, _ limit: Int, _ retrieval: String
  ) throws(ServiceFailure) {
    let lists = [
      ("exclude_item_ids", user.history.excludeItemIds, user.excluded(includingHistory: includesHistory).count),
      ("include_item_ids", user.history.includeItemIds, user.history.includeItemIds.count),
    ]
    for (name, ids, count) in lists {
      try ItemID.checkNoneEmpty(ids, field: "\(user.field).\(name)")
      guard limit > 0, count > limit else { continue }
      throw ServiceFailure(
        .tooManyItems,
        "\(count) items\(count > ids.count ? ", the history among them" : ""); \(retrieval) takes at most \(limit) in a list",
        field: "\(user.field).\(name)")
    }
  }
}
