// SPDX-License-Identifier: Apache-2.0

/// The `ILLMREC_*` variables that there are. Any other is refused: a mistyped one would be a setting that nobody set.
package enum EnvironmentVariables {
  private static let prefix = "ILLMREC_"

  /// The settings of all programs: one environment may be that of several, each of which reads its own.
  package static let settings = [
    "admin-host", "admin-port", "admin-port-file", "apply-exif-orientation",
    "approximate-from", "checkpoint", "compression", "compute-path",
    "data", "decode-threads", "default-deadline", "drain-timeout", "encoder", "gateway", "handshake-timeout", "hnsw-ef",
    "hnsw-ef-construction", "hnsw-m", "host", "http-host", "http-port", "http-port-file", "index", "insecure",
    "keep-snapshots", "keep-versions", "keepalive-interval", "keepalive-timeout", "llm", "llm-weights", "log-format",
    "log-level", "max-batch-items", "max-batch-tokens", "max-bytes-in-progress", "max-concurrent-calls",
    "max-concurrent-streams", "max-connection-age", "max-connection-age-grace", "max-connection-idle",
    "max-connections", "max-connections-per-address", "max-decoded-bytes", "max-history-items", "max-idle-frames",
    "max-image-bytes", "max-image-pixels", "max-interactions-per-user", "max-item-list-tokens", "max-items-per-request",
    "max-items-per-version", "max-k", "max-message-bytes", "max-prompt-tokens", "max-queries-per-request",
    "max-queue-items", "max-queue-queries", "max-queue-seconds", "max-queue-text-bytes", "max-queue-tokens",
    "max-remembered-answers", "max-request-history-items", "max-request-metadata-bytes", "max-shadow-queries",
    "max-text-bytes", "max-trainings", "max-transport-bytes", "max-uploads", "max-users-per-request", "max-watchers",
    "milvus-address", "milvus-consistency", "milvus-database", "milvus-index", "milvus-publish-timeout",
    "milvus-replicas", "milvus-shards", "milvus-timeout", "milvus-tls-ca", "milvus-tls-client-certificate",
    "milvus-tls-client-key", "milvus-tls-server-name", "milvus-token-file", "min-client-ping-interval", "model-name",
    "model-version", "otlp-endpoint", "packed-cache", "policy", "port", "port-file", "precision", "prefix-cache-bytes",
    "prefix-cache-precision", "reflection", "retrieval", "shadow-share", "shadow-timeout", "shutdown-grace",
    "slow-request-ms", "space-weights", "spaces", "store", "threads", "tls-ca", "tls-certificate", "tls-client-ca",
    "tls-client-certificate", "tls-client-key", "tls-key", "tls-server-name", "token-file", "trace-ratio", "trainings",
    "trainings-state", "upload-idle-timeout",
  ]

  /// What is no setting: secrets, what a parent tells its child, and what the tests, the benchmarks and make read.
  static let others: Set<String> = [
    "ILLMREC_MILVUS_TOKEN", ParentWatch.variable,
    "ILLMREC_SHARED", "ILLMREC_CASES", "ILLMREC_GOLDENS", "ILLMREC_TEXT_GOLDENS",
    "ILLMREC_TOWER_GOLDENS", "ILLMREC_KILLS", "ILLMREC_SWAPS",
    "ILLMREC_SWAP_CALLS",
    "ILLMREC_SHADOW_SECONDS", "ILLMREC_RELEASE_CALLS", "ILLMREC_ROLLOUT_SEEDS",
  ]

  /// - Parameter keys: of this process, among them such as are not in ``settings``.
  package static func check(
    _ environment: [String: String], keys: [any AnySettingKey] = []
  ) throws(SettingsError) {
    let known = others.union(settings.map(name)).union(keys.map(\.environmentName))
    let unknown = environment.keys.filter {
      $0.hasPrefix(prefix) && !known.contains($0) && !isOrchestrators($0, environment[$0] ?? "")
    }
    guard let first = unknown.min() else { return }
    let names = known.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    let nearest = NearestName.of(String(first.dropFirst(prefix.count)), in: names)
    let suggestion = nearest.map { "did you mean \(prefix)\($0)? Else unset it" } ?? "unset it"
    throw SettingsError("\(first) is no variable that illmrec knows; \(suggestion)", isUsage: true)
  }

  package static func name(of setting: String) -> String { prefix + setting.uppercased().replacing("-", with: "_") }

  /// Kubernetes and Docker tell every container of a service called illmrec-… by variables of these forms:
  /// `ILLMREC_LLM_SERVICE_HOST`, `ILLMREC_LLM_PORT=tcp://10.0.0.1:50052`, `ILLMREC_LLM_PORT_50052_TCP_ADDR`.
  private static func isOrchestrators(_ name: String, _ value: String) -> Bool {
    name.hasSuffix("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
      || name.contains(/_PORT_[0-9]+_(TCP|UDP|SCTP)/) || (name.hasSuffix("_PORT") && value.contains("://"))
  }
}
