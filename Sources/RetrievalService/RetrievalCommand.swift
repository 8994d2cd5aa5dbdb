import ArgumentParser
import Logging
import ServiceSupport
import VectorIndex

@main
struct RetrievalCommand: AsyncParsableCommand {
  enum Keys {
    static let data = SettingKey<String>(
      "data", "Directory of the published versions; created when it does not exist, used by one process at a time",
      placeholder: "dir")
    static let maxK = SettingKey<Int>(
      "max-k", "Most items a query may ask for", unit: "items", default: 1000, allowed: .range(1...100_000))
    static let maxQueries = SettingKey<Int>(
      "max-queries-per-request", "Most queries of a unary request", unit: "queries", default: 256,
      allowed: .range(1...4096))
    static let maxItems = SettingKey<Int>(
      "max-items-per-request", "Most items in an exclude or include list and in GetItems", unit: "items",
      default: 10_000, allowed: .range(1...1_000_000))
    static let maxQueue = SettingKey<Int>(
      "max-queue-queries", "Most queries that wait for the search threads; more are refused with RESOURCE_EXHAUSTED",
      unit: "queries", default: 4096, allowed: .range(256...1_000_000))
    static let maxItemsPerVersion = SettingKey<Int>(
      "max-items-per-version", "Most items of an index version", unit: "items", default: 50_000_000,
      allowed: .range(1...UploadLimits.maxItemsPossible))
    static let maxUploads = SettingKey<Int>(
      "max-uploads", "Most versions that are uploaded at the same time", unit: "uploads", default: 4,
      allowed: .range(1...64))
    static let threads = SettingKey<Int>(
      "threads", "Threads that search; 0 for one per CPU", unit: "threads", default: 0, allowed: .range(0...1024))

    static let maxShadow = SettingKey<Int>(
      "max-shadow-queries", "Most queries that wait to be compared for a rollout; further ones are not compared",
      unit: "queries", default: 256, allowed: .range(1...100_000))
    static let shadowShare = SettingKey<Int>(
      "shadow-share",
      "Share of the callers' search time that comparisons may run beside; while nobody searches they run unbounded. More "
        + "compares faster and slows more searches",
      unit: "of 1000", default: 5, allowed: .range(1...1000))
    static let shadowTimeout = SettingKey<Int>(
      "shadow-timeout", "A comparison's search that takes longer is given up and counts as an error of its version",
      unit: "ms", default: 10_000, allowed: .range(1...3_600_000))
    static let maxAnswers = SettingKey<Int>(
      "max-remembered-answers", "Most answers of a rollout that outcomes can still be joined to; some 200 bytes each",
      unit: "answers", default: 100_000, allowed: .range(1...10_000_000))
    static let keepVersions = SettingKey<Int>(
      "keep-versions",
      "Versions without a part in a rollout that are kept; the oldest beyond are deleted after a publication or a rollout. 0 "
        + "keeps all",
      unit: "versions", default: 0, allowed: .range(0...1_000_000))

    static let all: [any AnySettingKey] =
      [
        data, maxK, maxQueries, maxItems, maxQueue, maxItemsPerVersion, maxUploads, threads,
        maxShadow, shadowShare, shadowTimeout, maxAnswers, keepVersions,
      ] + GraphOptions.Keys.all + MilvusOptions.Keys.all
  }

  static let configuration = CommandConfiguration(
    commandName: "illmrec-retrieval",
    abstract: "Finds the items whose vectors have the largest inner product with a user's.",
    discussion: """
      Serves illmrec.retrieval.v1.RetrievalService (Search, StreamSearch, GetItems), IndexAdminService (CreateVersion, \
      PromoteVersion, RollbackVersion, …) and grpc.health.v1.Health.

      A version is an immutable set of item vectors. It is uploaded in whole, checked, and serves once it is promoted; the \
      first one of an index serves at once. A restart serves what served before; what is broken on disk is moved to \
      DIR/quarantine and named in the log.

      With --milvus-address, vectors lie in a Milvus cluster and everything else stays under --data: docs/milvus.md.

      Try it: illmrec-retrieval --data ./index, then illmrec index publish --help; or see all services at work with \
      illmrec demo.
      """,
    version: Product.version)

  @OptionGroup var service: ServiceOptions
  @OptionGroup(title: "Approximate search") var graphs: GraphOptions
  @OptionGroup(title: "Milvus") var milvus: MilvusOptions
  @Option(name: Keys.data.flagName, help: Keys.data.help) var data: String?
  @Option(name: Keys.maxK.flagName, help: Keys.maxK.help) var maxK: Int?
  @Option(name: Keys.maxQueries.flagName, help: Keys.maxQueries.help) var maxQueries: Int?
  @Option(name: Keys.maxItems.flagName, help: Keys.maxItems.help) var maxItems: Int?
  @Option(name: Keys.maxQueue.flagName, help: Keys.maxQueue.help) var maxQueue: Int?
  @Option(name: Keys.maxItemsPerVersion.flagName, help: Keys.maxItemsPerVersion.help) var maxItemsPerVersion: Int?
  @Option(name: Keys.maxUploads.flagName, help: Keys.maxUploads.help) var maxUploads: Int?
  @Option(name: Keys.threads.flagName, help: Keys.threads.help) var threads: Int?
  @Option(name: Keys.maxShadow.flagName, help: Keys.maxShadow.help) var maxShadow: Int?
  @Option(name: Keys.shadowShare.flagName, help: Keys.shadowShare.help) var shadowShare: Int?
  @Option(name: Keys.shadowTimeout.flagName, help: Keys.shadowTimeout.help) var shadowTimeout: Int?
  @Option(name: Keys.maxAnswers.flagName, help: Keys.maxAnswers.help) var maxAnswers: Int?
  @Option(name: Keys.keepVersions.flagName, help: Keys.keepVersions.help) var keepVersions: Int?

  func run() async throws {
    let settings = try service.resolve(keys: Keys.all, flags: flags, defaultPort: 50053)
    let configuration = try ServiceOptions.asUsageError { () throws(SettingsError) in
      try RetrievalConfiguration(settings)
    }
    try await ServiceRunner.run(name: "retrieval", settings: settings) { logger in
      try await RetrievalParts.load(configuration, logger: logger)
    }
  }

  private var flags: [FlagSetting?] {
    [
      Keys.data.flag(data), Keys.maxK.flag(maxK), Keys.maxQueries.flag(maxQueries), Keys.maxItems.flag(maxItems),
      Keys.maxQueue.flag(maxQueue), Keys.maxItemsPerVersion.flag(maxItemsPerVersion), Keys.maxUploads.flag(maxUploads),
      Keys.threads.flag(threads), Keys.maxShadow.flag(maxShadow), Keys.shadowShare.flag(shadowShare),
      Keys.shadowTimeout.flag(shadowTimeout),
      Keys.maxAnswers.flag(maxAnswers),
      Keys.keepVersions.flag(keepVersions),
    ] + graphs.flags + milvus.flags
  }
}
