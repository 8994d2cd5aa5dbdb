// SPDX-License-Identifier: Apache-2.0

import Basics
import Rollouts
import Synchronization

/// The published versions of all indexes in one data directory, and which of them serve.
///
/// Guarantees:
/// - A version is on disk in whole or not at all, and never changes. Nothing serves before its SHA-256 was checked.
/// - A change of the serving state is one atomic, durable replacement of a small file. A crash or an error at any moment leaves
///   the state before or the state after, and the audit log tells every change exactly once.
/// - Whoever holds an `IndexVersion` may search it to the end, whatever is promoted or deleted meanwhile.
///
/// Thread-safe. Reading what serves (`resolve`, `versions`, `servingState`) takes a lock for nanoseconds and touches no disk;
/// everything that throws storage errors blocks its thread for as long as the disk takes.
package final class VersionStore: Sendable {
  /// What is known of one index.
  struct IndexState: Sendable {
    var serving: ServingState
    var versions: [UInt64: IndexVersion] = [:]
    /// Idempotency keys whose uploads are on their way to a version.
    var publishing: Set<Identifier> = []
    /// The last change is not in the audit log yet: the disk refused.
    var isAuditBehind = false
    var retreat = Retreat.none
  }

  /// A rollback that serves already, although the disk does not say so yet.
  enum Retreat: Sendable, Equatable {
    case none
    /// Nobody is sent to the candidate of the rollout of this number.
    case fromCandidate(rollout: UInt64)
    /// The previous stable version answers in place of the stable one.
    case toPrevious
  }

  /// What opening the directory found; to be logged.
  package let findings: [RecoveryFinding]
  package let limits: UploadLimits
  let directory: DataDirectory
  let disk: Disk
  /// Holds the vectors of versions that are published from now on; nil when they lie in the directory.
  let collections: Collections?
  /// Which uploads get a graph.
  let graphs: GraphPolicy
  let indexes: Mutex<[String: IndexState]>
  /// Held while a serving state changes on disk, so that changes come one after the other. Taken before `indexes`, never after.
  let servingChange = Mutex(())
  let reserve: SpaceReserve
  private let lock: DirectoryLock

  /// Opens the directory, creating it when it does not exist, and brings it in order: see `RecoveryFinding`.
  ///
  /// - Parameters:
  ///   - backend: holds the vectors of versions from now on. Versions whose vectors lie in the directory serve on.
  ///   - graphs: which versions get a graph from now on; a backend's have its own index.
  package init(
    path: String, limits: UploadLimits = UploadLimits(), backend: (any VectorBackend)? = nil,
    graphs: GraphPolicy = GraphPolicy(), faults: any StorageFaults = NoFaults()
  ) throws(VectorIndexError) {
    let directory = DataDirectory(root: path)
    let disk = Disk(faults: faults)
    try directory.create(on: disk)
    let lock = try DirectoryLock(path: directory.lock)
    var recovery = StoreRecovery(directory: directory, disk: disk, backend: backend)
    let recovered = try recovery.run()
    var found = recovery.findings
    if let backend {
      let collections = Collections(backend: backend, journal: try CollectionJournal(in: directory, on: disk))
      var collectionRecovery = CollectionRecovery(collections)
      try collectionRecovery.run(recovered.values.flatMap(\.versions.values))
      found += collectionRecovery.findings
      self.collections = collections
    } else {
      collections = nil
    }
    self.directory = directory
    self.disk = disk
    self.limits = limits
    self.graphs = graphs
    self.lock = lock
    reserve = SpaceReserve(path: directory.reserve)
    reserve.keep()
    findings = found
    indexes = Mutex(recovered)
  }

  /// A path under staging/ that nobody else uses.
  func newStagingPath(_ purpose: String) -> String {
    "\(directory.staging)/\(purpose)-\(String(UInt64.random(in: .min ... .max), radix: 16))"
  }
}

extension VersionStore {
  /// Names of the indexes that have a version, in byte order.
  package var indexNames: [String] { indexes.withLock { Self.names(in: $0) } }

  /// Which versions of an index answer now.
  package func routing(of index: String) throws(VectorIndexError) -> Routing {
    try indexes.withLock { (indexes) throws(VectorIndexError) in
      guard let state = indexes[index],
        let number = state.retreat == .toPrevious ? state.serving.previous : state.serving.stable,
        let version = state.versions[number]
      else {
        throw Self.nothingServes(index, among: indexes)
      }
      var candidate: Routing.Candidate?
      if let active = state.serving.activeRollout, state.retreat != .fromCandidate(rollout: active.number),
        let version = state.versions[active.candidate]
      {
        candidate = Routing.Candidate(rollout: active, version: version)
      }
      return Routing(
        index: index, generation: state.serving.generation, stable: version, candidate: candidate,
        previous: state.retreat == .toPrevious ? nil : state.serving.previous.flatMap { state.versions[$0] })
    }
  }

  /// The stable version of an index.
  package func resolve(index: String) throws(VectorIndexError) -> ServedVersion {
    let routing = try routing(of: index)
    return ServedVersion(version: routing.stable, role: .stable, generation: routing.generation)
  }

  /// Exactly this version, whatever its role.
  package func resolve(version name: VersionName) throws(VectorIndexError) -> ServedVersion {
    try indexes.withLock { (indexes) throws(VectorIndexError) in
      let (state, version) = try Self.find(name, in: indexes)
      return ServedVersion(version: version, role: .pinned, generation: state.serving.generation)
    }
  }

  /// The versions of an index with their roles, newest first.
  package func versions(of index: String) throws(VectorIndexError) -> [ListedVersion] {
    try indexes.withLock { (indexes) throws(VectorIndexError) in
      guard let state = indexes[index], !state.versions.isEmpty else {
        throw Self.indexNotFound(index, among: indexes)
      }
      return state.versions.sorted { $0.key > $1.key }.map { Self.listed($0.value, in: state) }
    }
  }

  /// A version with its roles.
  package func version(_ name: VersionName) throws(VectorIndexError) -> ListedVersion {
    try indexes.withLock { (indexes) throws(VectorIndexError) in
      let (state, version) = try Self.find(name, in: indexes)
      return Self.listed(version, in: state)
    }
  }

  /// Which versions of an index serve.
  package func servingState(of index: String) throws(VectorIndexError) -> ServingState {
    try indexes.withLock { (indexes) throws(VectorIndexError) in
      guard let state = indexes[index], !state.versions.isEmpty else {
        throw Self.indexNotFound(index, among: indexes)
      }
      return state.serving
    }
  }

  static func find(
    _ name: VersionName, in indexes: [String: IndexState]
  ) throws(VectorIndexError) -> (IndexState, IndexVersion) {
    guard let state = indexes[name.index], !state.versions.isEmpty else {
      throw indexNotFound(name.index, among: indexes)
    }
    guard let version = state.versions[name.number] else {
      throw VectorIndexError.versionNotFound(name, among: state.versions.keys)
    }
    return (state, version)
  }

  static func indexNotFound(_ index: String, among indexes: [String: IndexState]) -> VectorIndexError {
    let names = names(in: indexes)
    let existing =
      names.isEmpty
      ? "there are none yet: publish one with CreateVersion (illmrec index publish)"
      : "there are: \(names.prefix(20).joined(separator: ", "))"
    return VectorIndexError(.indexNotFound, "there is no index '\(index)'; \(existing)")
  }

  /// Of an index that has no stable version: it has none at all, or a start found none that it may send anybody to.
  private static func nothingServes(_ index: String, among indexes: [String: IndexState]) -> VectorIndexError {
    guard let state = indexes[index], let newest = state.versions.keys.max() else {
      return indexNotFound(index, among: indexes)
    }
    let stable = state.retreat == .toPrevious ? state.serving.previous : state.serving.stable
    let reason =
      stable.map { "its version \($0), which should answer, is not there" }
      ?? "no version is stable, because none that was released was found sound when the service started"
    return VectorIndexError(
      .nothingServes,
      "index '\(index)' serves nothing: \(reason); choose one that should serve with illmrec index promote N (the newest is "
        + "\(newest); illmrec index list tells all)")
  }

  static func listed(_ version: IndexVersion, in state: IndexState) -> ListedVersion {
    ListedVersion(info: version.info, roles: state.serving.roles(of: version.info.name.number))
  }

  private static func names(in indexes: [String: IndexState]) -> [String] {
    indexes.filter { !$0.value.versions.isEmpty }.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

/// A version and its roles.
package struct ListedVersion: Sendable, Equatable {
  package let info: VersionInfo
  package let roles: [VersionRole]
}
