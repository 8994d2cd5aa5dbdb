package import ServiceSupport

/// What the service is configured with, beside what every service has.
package struct RetrievalConfiguration: Sendable {
  /// Directory of the published versions.
  package var data: String
  package var limits: RetrievalLimits
  /// Threads that search; nil for one per CPU.
  package var threads: Int?

  package init(data: String, limits: RetrievalLimits = RetrievalLimits(), threads: Int? = nil) {
    self.data = data
    self.limits = limits
    self.threads = threads
  }

  package init(_ settings: ServiceSettings) throws(SettingsError) {
    let all = settings.all
    data = try all.value(RetrievalCommand.Keys.data)
    limits = RetrievalLimits()
    limits.maxK = try all.value(RetrievalCommand.Keys.maxK)
    limits.maxQueriesPerRequest = try all.value(RetrievalCommand.Keys.maxQueries)
    limits.maxItemsPerRequest = try all.value(RetrievalCommand.Keys.maxItems)
    limits.maxMessageBytes = settings.maxMessageBytes
    limits.maxQueueQueries = try all.value(RetrievalCommand.Keys.maxQueue)
    guard limits.maxQueriesPerRequest <= limits.maxQueueQueries else {
      throw SettingsError(
        "--max-queries-per-request is \(limits.maxQueriesPerRequest), but only \(limits.maxQueueQueries) may wait; "
          + "raise --max-queue-queries",
        isUsage: true)
    }
    limits.maxItemsPerVersion = try all.value(RetrievalCommand.Keys.maxItemsPerVersion)
    limits.maxUploads = try all.value(RetrievalCommand.Keys.maxUploads)
    let threads = try all.value(RetrievalCommand.Keys.threads)
    self.threads = threads == 0 ? nil : threads
  }
}

/// What a request may ask for; published by GetServerInfo.
package struct RetrievalLimits: Sendable, Equatable {
  package var maxK = 1000
  package var maxQueriesPerRequest = 256
  package var maxItemsPerRequest = 10_000
  package var maxMessageBytes = 64 << 20
  package var maxQueueQueries = 4096
  package var maxItemsPerVersion = 50_000_000
  package var maxUploads = 4

  package init() {}
}
