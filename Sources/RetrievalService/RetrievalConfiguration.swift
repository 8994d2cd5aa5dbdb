package import MilvusBackend
package import ServiceSupport
package import VectorIndex

/// What the service is configured with, beside what every service has.
package struct RetrievalConfiguration: Sendable {
  /// Directory of the published versions.
  package var data: String
  package var limits: RetrievalLimits
  /// Threads that search; nil for one per CPU.
  package var threads: Int?
  package var rollouts: RolloutSettings
  /// Holds the vectors; nil when they lie in `data`.
  package var milvus: MilvusSettings?
  /// Which versions get a graph.
  package var graphs = GraphPolicy()
  /// Candidates that an approximate search keeps, where the request does not say.
  package var ef = Searcher.defaultEf

  package init(
    data: String, limits: RetrievalLimits = RetrievalLimits(), threads: Int? = nil,
    rollouts: RolloutSettings = RolloutSettings(), milvus: MilvusSettings? = nil
  ) {
    self.data = data
    self.limits = limits
    self.threads = threads
    self.rollouts = rollouts
    self.milvus = milvus
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
    rollouts = RolloutSettings()
    rollouts.maxShadowQueries = try all.value(RetrievalCommand.Keys.maxShadow)
    rollouts.shadowPermille = try all.value(RetrievalCommand.Keys.shadowShare)
    rollouts.shadowTimeout = .milliseconds(try all.value(RetrievalCommand.Keys.shadowTimeout))
    rollouts.maxAnswers = try all.value(RetrievalCommand.Keys.maxAnswers)
    let keep = try all.value(RetrievalCommand.Keys.keepVersions)
    rollouts.keepVersions = keep == 0 ? nil : keep
    milvus = try MilvusSettings(all)
    graphs = try GraphPolicy(all)
    graphs.threads = self.threads
    ef = try all.value(GraphOptions.Keys.ef)
  }
}

/// What staged rollouts may cost.
package struct RolloutSettings: Sendable, Equatable {
  /// Most queries that wait to be compared; further ones are dropped.
  package var maxShadowQueries = 256
  /// Share of the callers' search time that comparisons may meet, of 1000.
  package var shadowPermille = 5
  /// A search off the callers' path that takes longer is given up and counts as failed.
  package var shadowTimeout = Duration.seconds(10)
  /// Whether comparisons run only when nothing else on the machine wants the CPU.
  package var yieldsToAll = true
  /// Most answers that outcomes can be joined to, per rollout.
  package var maxAnswers = 100_000
  /// Versions without a role that are kept; nil keeps all.
  package var keepVersions: Int?
  /// Between two looks at the gates.
  package var interval = Duration.milliseconds(200)

  package init() {}
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
