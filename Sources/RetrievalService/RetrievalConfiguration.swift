// SPDX-License-Identifier: Apache-2.0

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
  /// Asked for the training of a version before it is rolled out.
  package var encodingServices = EncodingServices()

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

  package init(_ service: ServiceSettings) throws(SettingsError) {
    let settings = try service.all.read(RetrievalSettings.self)
    data = settings.data
    threads = settings.threads.unlessZero
    try ServiceTarget.check(settings.encoders?.values ?? [], of: settings.$encoders)
    try ServiceTarget.check(settings.llms?.values ?? [], of: settings.$llms)
    encodingServices = EncodingServices(
      encoders: settings.encoders?.values ?? [], llms: settings.llms?.values ?? [])
    encodingServices.options = try service.outgoing()
    limits = try service.all.read()
    limits.maxMessageBytes = service.maxMessageBytes
    rollouts = try service.all.read()
    milvus = try MilvusSettings(try service.all.read())
    let options = try service.all.read(GraphOptions.self)
    graphs = GraphPolicy(options, threads: threads)
    ef = options.ef
    try check()
  }

  /// What no single value can tell.
  private func check() throws(SettingsError) {
    guard limits.maxQueriesPerRequest <= limits.maxQueueQueries else {
      throw SettingsError(
        "--max-queries-per-request is \(limits.maxQueriesPerRequest), but only \(limits.maxQueueQueries) may wait; "
          + "raise --max-queue-queries",
        isUsage: true)
    }
  }
}
