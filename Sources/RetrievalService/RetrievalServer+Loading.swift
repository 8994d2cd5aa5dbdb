// SPDX-License-Identifier: Apache-2.0

import Basics
import Logging
import MilvusBackend
import ServiceSupport
import VectorIndex

extension RetrievalServer {
  /// Opens the data directory, which checks every version in it, and starts the threads that search and compare.
  ///
  /// - Parameter other: keeps the vectors in place of the configured Milvus; the tests'.
  static func load(
    _ configuration: RetrievalConfiguration, logger: Logger, faults: any StorageFaults = NoFaults(),
    backend other: (any VectorBackend)? = nil
  ) async throws -> ServiceParts {
    let backend = try configuration.milvus.map { try MilvusBackend($0) }
    let store: VersionStore
    do {
      store = try await open(configuration, other ?? backend, logger: logger, faults: faults)
    } catch {
      await backend?.shutdown()
      throw error
    }
    let worker = try SearchWorker(
      searcher: Searcher(threads: configuration.threads, ef: configuration.ef),
      maxQueueQueries: configuration.limits.maxQueueQueries,
      maxQueueTime: configuration.limits.maxQueueTime)
    let outcomeKey = try OutcomeKeyFile.key(
      in: configuration.data, isFirstStart: store.indexNames.isEmpty, logger: logger)
    let monitor = try RolloutMonitor(
      store: store, outcomeKey: outcomeKey, settings: configuration.rollouts, activity: worker.activity, logger: logger)
    await monitor.start()
    let admin = IndexAdminServer(
      store: store, limits: configuration.limits, monitor: monitor, encodingServices: configuration.encodingServices,
      logger: logger)
    return ServiceParts(
      services: [
        RetrievalServer(store: store, worker: worker, limits: configuration.limits, monitor: monitor)
      ],
      administration: [
        admin
      ],
      dependencies: dependencies(store, backend),
      metrics: [RetrievalMetrics(store: store, monitor: monitor).samples],
      onDrain: { admin.broadcast.endAll() },
      onShutdown: {
        await worker.shutdown()
        await monitor.shutdown()
        await backend?.shutdown()
      })
  }

  /// What Check tells by name: Milvus where there is one, and the indexes where one of them was found serving nothing.
  private static func dependencies(
    _ store: VersionStore, _ backend: MilvusBackend?
  ) -> [String: HealthService.Probe] {
    var probes: [String: HealthService.Probe] = [:]
    if let backend { probes["milvus"] = { await backend.isHealthy() } }
    let areServed: @Sendable () -> Bool = { store.indexNames.allSatisfy { (try? store.routing(of: $0)) != nil } }
    if !areServed() { probes["indexes"] = { areServed() } }
    return probes
  }

  private static func open(
    _ configuration: RetrievalConfiguration, _ backend: (any VectorBackend)?, logger: Logger, faults: any StorageFaults
  ) async throws -> VersionStore {
    let uploads = UploadLimits(maxItems: configuration.limits.maxItemsPerVersion)
    let store = try await DedicatedThread.run(name: "illmrec-open") {
      try VersionStore(
        path: configuration.data, limits: uploads, backend: backend, graphs: configuration.graphs, faults: faults)
    }
    for finding in store.findings { logger.log(level: finding.logLevel, "\(finding)") }
    for index in store.indexNames { try log(index, of: store, to: logger) }
    if store.indexNames.isEmpty { logger.notice("no index yet: publish one with illmrec index publish") }
    return store
  }

  private static func log(_ index: String, of store: VersionStore, to logger: Logger) throws {
    guard let stable = try? store.resolve(index: index).version.info else { return }
    let versionCount = try store.versions(of: index).count
    logger.notice(
      "serving index",
      metadata: [
        "version": "\(stable.name)", "items": "\(stable.itemCount)", "dim": "\(stable.dim)",
        "model": "\(stable.builtBy.name) \(stable.builtBy.version)",
        "versions": "\(versionCount)",
      ])
  }
}

extension RecoveryFinding {
  fileprivate var logLevel: Logger.Level {
    switch severity {
    case .notice: .notice
    case .warning: .warning
    case .error: .error
    }
  }
}
