// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import MilvusBackend
import ServiceSupport

/// What puts vectors into a Milvus cluster, as people write it; ``MilvusSettings`` says what it means.
struct MilvusOptions: SettingGroup {
  /// In place of a token file; a secret on the command line would show in the list of processes.
  static let tokenVariable = "ILLMREC_MILVUS_TOKEN"

  @Setting(
    "milvus-address",
    "Milvus cluster that holds the vectors of versions published from now on, for catalogs past one machine; without it they "
      + "lie under --data. Without --milvus-tls-ca the connection is not encrypted: keep it within a private network",
    placeholder: "host:port")
  var address: String?
  @Setting(
    "milvus-database", "Database there, which must exist; the cluster's default one without it", placeholder: "name")
  var database: String?
  @Setting(
    "milvus-token-file",
    "File with user:password or an API key, where the cluster asks for it; ILLMREC_MILVUS_TOKEN may hold it instead",
    placeholder: "file")
  var tokenFile: String?
  @Setting(
    "milvus-tls-ca",
    "Authorities of the cluster, PEM, such as /etc/ssl/certs/ca-certificates.crt: with it the cluster is called by TLS alone",
    placeholder: "file")
  var tlsAuthorities: String?
  @Setting(
    "milvus-tls-client-certificate", "Certificate to show to a cluster that asks for one, PEM", placeholder: "file")
  var tlsCertificate: String?
  @Setting(
    "milvus-tls-client-key", "Private key of --milvus-tls-client-certificate, PEM without a passphrase",
    placeholder: "file")
  var tlsKey: String?
  @Setting(
    "milvus-tls-server-name", "Name that the cluster's certificate must be for, in place of the one in its address",
    placeholder: "name")
  var tlsServerName: String?
  @Setting(
    "milvus-index",
    "Index of new collections: flat scores every vector and is exact; hnsw:M=32,efConstruction=360,ef=128 and "
      + "ivf_flat:nlist=4096,nprobe=64 are approximate and faster. ef and nprobe count at every search",
    placeholder: "index")
  var index = "flat"
  @Setting(
    "milvus-replicas", "Copies of each new collection in the memory of query nodes; needs as many query nodes",
    unit: "copies", allowed: .range(1...64))
  var replicas = 1
  @Setting(
    "milvus-shards", "Channels that a new collection is written through", unit: "channels",
    allowed: .range(1...16))
  var shards = 1
  @Setting(
    "milvus-consistency",
    "What a search waits for; versions never change, so that every level gives the same answers once a version is "
      + "published. Publications check themselves with strong",
    placeholder: "level",
    allowed: .oneOf(MilvusSettings.Consistency.allCases.map(\.rawValue)))
  var consistency = "bounded"
  @Setting(
    "milvus-timeout", "Longest that one search waits for the cluster, where the caller's deadline is not nearer",
    unit: "ms", allowed: .range(1...3_600_000))
  var timeoutMilliseconds = 10_000
  @Setting(
    "milvus-publish-timeout",
    "Longest that a publication waits for the cluster to flush, index and load what was written", unit: "seconds",
    allowed: .range(1...604_800))
  var publishTimeoutSeconds = 7200
}

extension MilvusSettings {
  /// Nil when no cluster is named.
  init?(
    _ options: MilvusOptions, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(SettingsError) {
    guard let address = options.address, !address.isEmpty else { return nil }
    self.init(address: address)
    database = options.database ?? ""
    token = try Self.token(file: options.tokenFile, environment: environment)
    tls = try ClientTLSSettings.tls(
      authorities: options.tlsAuthorities, certificate: options.tlsCertificate, key: options.tlsKey,
      serverName: options.tlsServerName, prefix: "milvus-", of: "the cluster")
    do {
      index = try MilvusIndex(parsing: options.index)
    } catch {
      throw SettingsError("--milvus-index: \(error)", isUsage: true)
    }
    replicas = options.replicas
    shards = options.shards
    consistency = Consistency(rawValue: options.consistency) ?? .bounded
    searchTimeout = .milliseconds(options.timeoutMilliseconds)
    publishTimeout = .seconds(options.publishTimeoutSeconds)
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
