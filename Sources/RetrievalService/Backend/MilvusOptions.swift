import ArgumentParser
import FoundationEssentials
import MilvusBackend
import ServiceSupport

/// The flags that put vectors into a Milvus cluster: `@OptionGroup var milvus: MilvusOptions`.
struct MilvusOptions: ParsableArguments {
  enum Keys {
    static let address = SettingKey<String>(
      "milvus-address",
      "Milvus cluster that holds the vectors of versions published from now on, for catalogs past one machine; without it they "
        + "lie under --data. The connection is not encrypted: keep it within a private network",
      placeholder: "host:port")
    static let database = SettingKey<String>(
      "milvus-database", "Database there, which must exist; the cluster's default one without it", placeholder: "name")
    static let tokenFile = SettingKey<String>(
      "milvus-token-file",
      "File with user:password or an API key, where the cluster asks for it; ILLMREC_MILVUS_TOKEN may hold it instead",
      placeholder: "file")
    static let index = SettingKey<String>(
      "milvus-index",
      "Index of new collections: flat scores every vector and is exact; hnsw:M=32,efConstruction=360,ef=128 and "
        + "ivf_flat:nlist=4096,nprobe=64 are approximate and faster. ef and nprobe count at every search",
      placeholder: "index", default: "flat")
    static let replicas = SettingKey<Int>(
      "milvus-replicas", "Copies of each new collection in the memory of query nodes; needs as many query nodes",
      unit: "copies", default: 1, allowed: .range(1...64))
    static let shards = SettingKey<Int>(
      "milvus-shards", "Channels that a new collection is written through", unit: "channels", default: 1,
      allowed: .range(1...16))
    static let consistency = SettingKey<String>(
      "milvus-consistency",
      "What a search waits for; versions never change, so that every level gives the same answers once a version is "
        + "published. Publications check themselves with strong",
      placeholder: "level", default: "bounded",
      allowed: .oneOf(MilvusSettings.Consistency.allCases.map(\.rawValue)))
    static let timeout = SettingKey<Int>(
      "milvus-timeout", "Longest that one search waits for the cluster, where the caller's deadline is not nearer",
      unit: "ms", default: 10_000, allowed: .range(1...3_600_000))
    static let publishTimeout = SettingKey<Int>(
      "milvus-publish-timeout",
      "Longest that a publication waits for the cluster to flush, index and load what was written", unit: "seconds",
      default: 7200, allowed: .range(1...604_800))

    static let all: [any AnySettingKey] = [
      address, database, tokenFile, index, replicas, shards, consistency, timeout, publishTimeout,
    ]
  }

  /// In place of a token file; a secret on the command line would show in the list of processes.
  static let tokenVariable = "ILLMREC_MILVUS_TOKEN"

  @Option(name: Keys.address.flagName, help: Keys.address.help) var address: String?
  @Option(name: Keys.database.flagName, help: Keys.database.help) var database: String?
  @Option(name: Keys.tokenFile.flagName, help: Keys.tokenFile.help) var tokenFile: String?
  @Option(name: Keys.index.flagName, help: Keys.index.help) var index: String?
  @Option(name: Keys.replicas.flagName, help: Keys.replicas.help) var replicas: Int?
  @Option(name: Keys.shards.flagName, help: Keys.shards.help) var shards: Int?
  @Option(name: Keys.consistency.flagName, help: Keys.consistency.help) var consistency: String?
  @Option(name: Keys.timeout.flagName, help: Keys.timeout.help) var timeout: Int?
  @Option(name: Keys.publishTimeout.flagName, help: Keys.publishTimeout.help) var publishTimeout: Int?

  var flags: [FlagSetting?] {
    [
      Keys.address.flag(address), Keys.database.flag(database), Keys.tokenFile.flag(tokenFile), Keys.index.flag(index),
      Keys.replicas.flag(replicas), Keys.shards.flag(shards), Keys.consistency.flag(consistency),
      Keys.timeout.flag(timeout), Keys.publishTimeout.flag(publishTimeout),
    ]
  }
}

extension MilvusSettings {
  /// Nil when no cluster is named.
  init?(
    _ settings: Settings, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(SettingsError) {
    typealias Keys = MilvusOptions.Keys
    guard let address = settings.optional(Keys.address), !address.isEmpty else { return nil }
    self.init(address: address)
    database = settings.optional(Keys.database) ?? ""
    token = try Self.token(file: settings.optional(Keys.tokenFile), environment: environment)
    do {
      index = try MilvusIndex(parsing: try settings.value(Keys.index))
    } catch let error as MilvusIndexError {
      throw SettingsError("--milvus-index: \(error)", isUsage: true)
    } catch {
      throw error as? SettingsError ?? SettingsError("\(error)")
    }
    replicas = try settings.value(Keys.replicas)
    shards = try settings.value(Keys.shards)
    consistency = Consistency(rawValue: try settings.value(Keys.consistency)) ?? .bounded
    searchTimeout = .milliseconds(try settings.value(Keys.timeout))
    publishTimeout = .seconds(try settings.value(Keys.publishTimeout))
  }

  private static func token(file: String?, environment: [String: String]) throws(SettingsError) -> String? {
    guard let file else { return environment[MilvusOptions.tokenVariable].flatMap { $0.isEmpty ? nil : $0 } }
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw SettingsError("cannot read --milvus-token-file \(file)")
    }
    guard let line = text.split(whereSeparator: \.isNewline).first.map(String.init) else {
      throw SettingsError("--milvus-token-file \(file) is empty; it should hold user:password or an API key")
    }
    return line
  }
}
