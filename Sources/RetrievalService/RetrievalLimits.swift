// SPDX-License-Identifier: Apache-2.0

import ServiceSupport
import VectorIndex

/// What a request may ask for. Published by GetServerInfo.
package struct RetrievalLimits: SettingGroup, Equatable {
  @Setting("max-k", "Most items a query may ask for", unit: "items", allowed: .range(1...100_000))
  package var maxK = 1000
  @Setting("max-queries-per-request", "Most queries of a unary request", unit: "queries", allowed: .range(1...4096))
  package var maxQueriesPerRequest = 256
  @Setting(
    "max-items-per-request", "Most items in an exclude or include list and in GetItems", unit: "items",
    allowed: .range(1...1_000_000))
  package var maxItemsPerRequest = 10_000
  @Setting(
    "max-queue-queries", "Most queries that wait for the search threads; more are refused with RESOURCE_EXHAUSTED",
    unit: "queries", allowed: .range(256...1_000_000))
  package var maxQueueQueries = 4096
  @Setting("max-queue-seconds", QueueTime.help, unit: "seconds", allowed: .range(1...3600))
  package var maxQueueSeconds = QueueTime.defaultSeconds
  @Setting(
    "max-items-per-version", "Most items of an index version", unit: "items",
    allowed: .range(1...UploadLimits.maxItemsPossible))
  package var maxItemsPerVersion = 50_000_000
  @Setting(
    "max-uploads", "Most versions that are uploaded at the same time", unit: "uploads", allowed: .range(1...64))
  package var maxUploads = 4
  @Setting(
    "upload-idle-timeout", "How long an upload may send nothing before it is ended and its place is free again",
    unit: "seconds", allowed: .range(0.05...86_400))
  package var uploadIdleSeconds = 60.0
  /// Of the transport.
  package var maxMessageBytes = 64 << 20

  package init() {}

  var maxQueueTime: Duration { .seconds(maxQueueSeconds) }
  var uploadIdleLimit: Duration { .seconds(uploadIdleSeconds) }
}
