// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import GRPCCore
import Logging
import ServiceAPI
import ServiceLifecycle
import ServiceSupport
import SwiftProtobuf
import Synchronization

/// Learns from the retrieval service which index version is stable, and notes in the store which snapshot it was built from:
/// that is what is read where nobody names one. Drops snapshots that no version of any index names any more.
///
/// What was last heard of stays, in the store too, while the retrieval service is away.
struct ReleaseFollower<Transport: ClientTransport>: Service {
  private typealias Admin = Retrieval_IndexAdminService

  private let store: ItemStore
  private let followed: FollowedIndex
  private let client: GRPCClient<Transport>
  private let inUse: SnapshotsInUse
  private let logger: Logger
  /// Between two tries, and between two looks at the versions.
  private let pause: (retry: Duration, look: Duration)

  init(
    store: ItemStore, followed: FollowedIndex, client: GRPCClient<Transport>, inUse: SnapshotsInUse, logger: Logger,
    pause: (retry: Duration, look: Duration) = (.seconds(1), .seconds(60))
  ) {
    self.store = store
    self.followed = followed
    self.client = client
    self.inUse = inUse
    self.logger = logger
    self.pause = pause
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup { group in
        group.addTask { await follow() }
        group.addTask { await dropUnnamed() }
      }
    }
  }

  // MARK: The stable version

  private func follow() async {
    // One that ends is often back at once; where all stop together, it is not to be missed.
    let failures = Atomic(0)
    while !Task.isCancelled {
      do {
        try await watch { failures.store(0, ordering: .relaxed) }
      } catch let error where !Task.isCancelled {
        // An index without versions has nothing to follow yet.
        if !Self.isNoIndex(error), failures.add(1, ordering: .relaxed).newValue == 2 {
          logger.warning(
            "the index is not followed at the moment; what it was last heard to answer from is read on",
            metadata: ["retrieval": "\(followed.target)", "index": "\(followed.index)", "error": "\(error)"])
        }
      } catch {}
      try? await Task.sleep(for: pause.retry)
    }
  }

  /// Until the stream ends or fails.
  private func watch(onMessage: @escaping @Sendable () -> Void) async throws {
    let admin = Admin.Client(wrapping: client)
    let request = Retrieval_WatchRolloutRequest.with {
      $0.index = followed.index
      $0.interval = .init(seconds: 60)
    }
    try await admin.watchRollout(request) { response in
      var known: String?
      for try await message in response.messages {
        onMessage()
        let stable = message.servingState.stableVersion
        guard !stable.isEmpty, stable != known else { continue }
        let version = try await admin.getVersion(.with { $0.name = stable }).version
        try await note(version)
        known = stable
      }
    }
  }

  private func note(_ version: Retrieval_Version) async throws {
    let release = try await release(of: version)
    let isNews = try await DedicatedThread.run(name: "encoder-catalog") { [store] in try store.note(release) }
    guard isNews else { return }
    guard let release else {
      return logger.warning(
        "the stable version does not tell which snapshot it was built from; the newest one is read by default",
        metadata: ["version": "\(version.name)", "catalog_id": "\(store.catalogID)"])
    }
    if let other = release.otherCatalog {
      return logger.warning(
        "the stable version was built from another store's items; who names no snapshot is refused",
        metadata: ["version": "\(version.name)", "built_from": "\(other)", "catalog_id": "\(store.catalogID)"])
    }
    guard try await store.overview().released != nil else {
      return logger.warning(
        "the item store does not hold what the stable version was built from; who names no snapshot is refused",
        metadata: ["snapshot": "\(release.snapshot)", "version": "\(version.name)"])
    }
    logger.notice(
      "another snapshot is read by default",
      metadata: ["snapshot": "\(release.snapshot)", "version": "\(version.name)"])
  }

  /// Nil for a version that does not tell it.
  private func release(of version: Retrieval_Version) async throws -> CatalogRelease? {
    if version.hasCatalog {
      return CatalogRelease(
        index: followed.index, version: version.name, snapshot: Int(clamping: version.catalog.snapshot),
        fingerprint: version.catalog.fingerprint,
        otherCatalog: version.catalog.id == store.catalogID ? nil : version.catalog.id)
    }
    // A version of before snapshots was built from what the store held then.
    return try await store.listing().migrated.map {
      CatalogRelease(index: followed.index, version: version.name, snapshot: $0)
    }
  }

  private static func isNoIndex(_ error: any Error) -> Bool { (error as? RPCError)?.code == .notFound }

  // MARK: Snapshots that nobody needs

  private func dropUnnamed() async {
    var unnamed = UnnamedSnapshots()
    while !Task.isCancelled {
      // Where a list cannot be had, nothing is dropped.
      if let named = try? await namedSnapshots() {
        inUse.note(named: named)
        do {
          try await drop(&unnamed, named)
        } catch {
          logger.error("snapshots that no version names are not dropped", metadata: ["error": "\(error)"])
        }
      }
      try? await Task.sleep(for: pause.look)
    }
  }

  private func drop(_ unnamed: inout UnnamedSnapshots, _ named: Set<Int>) async throws {
    let listing = try await store.listing()
    let snapshots = listing.snapshots.map(\.number)
    let exported = inUse.exported(since: .now - followed.retention)
    let due = unnamed.due(of: snapshots, named: named.union(exported), now: .now, after: followed.retention)
      .subtracting([snapshots.first, listing.released].compactMap(\.self)).filter { inUse.retire($0) }
    guard !due.isEmpty else { return }
    var dropped: [Int] = []
    defer { inUse.putBack(due.subtracting(dropped)) }
    dropped = try await DedicatedThread.run(name: "encoder-catalog") { [store] in
      try store.dropAll(but: Set(snapshots).subtracting(due))
    }
    for number in dropped {
      logger.notice("catalog snapshot dropped: no version names it", metadata: ["snapshot": "\(number)"])
    }
  }

  /// Of this store, by the versions of all indexes.
  private func namedSnapshots() async throws -> Set<Int> {
    let admin = Admin.Client(wrapping: client)
    let info = try await Retrieval_RetrievalService.Client(wrapping: client).getServerInfo(.init())
    let migrated = try await store.listing().migrated
    var named: Set<Int> = []
    for index in info.indexes.map(\.index) {
      var page = Retrieval_ListVersionsRequest.with {
        $0.index = index
        $0.pageSize = 1000
      }
      repeat {
        let response = try await admin.listVersions(page)
        for version in response.versions {
          if !version.hasCatalog { named.formUnion([migrated].compactMap(\.self)) }
          if version.catalog.id == store.catalogID { named.insert(Int(clamping: version.catalog.snapshot)) }
        }
        page.pageToken = response.nextPageToken
      } while !page.pageToken.isEmpty
    }
    return named
  }
}
