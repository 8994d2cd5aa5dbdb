import Digest
import Glibc

/// Which versions of an index serve, as it stands in `rollout.json`.
package struct Rollout: Codable, Sendable, Equatable {
  static let currentFormat = 1
  static let fileName = "rollout.json"
  static let temporaryFileName = "rollout.json.new"
  static let maxBytes = 1 << 20

  private var format = Rollout.currentFormat
  package let index: String
  /// The version that answers; nil only before the first one and after the last was lost.
  package private(set) var stable: UInt64?
  /// The stable version before it, kept for rollback.
  package private(set) var previous: UInt64?
  /// Grows with every change of the roles.
  package private(set) var generation: UInt64
  /// Changes with every change of the roles.
  package private(set) var etag: String
  /// Time of the last change of the roles, microseconds since 1970.
  package private(set) var updatedMicros: Int64
  /// The highest number a version of this index ever had: numbers are not given out again.
  var lastNumber: UInt64

  enum CodingKeys: String, CodingKey {
    case format
    case index
    case stable
    case previous
    case generation
    case etag
    case updatedMicros = "update_time_unix_micros"
    case lastNumber = "last_number"
  }

  /// An index without versions.
  init(index: String) {
    self.index = index
    generation = 0
    etag = ""
    updatedMicros = 0
    lastNumber = 0
    seal()
  }

  package var stableVersion: VersionName? { stable.map { VersionName(index: index, number: $0) } }
  package var previousVersion: VersionName? { previous.map { VersionName(index: index, number: $0) } }

  /// The rollout with other roles, one generation on.
  func changed(stable: UInt64?, previous: UInt64?) -> Rollout {
    var next = self
    next.stable = stable
    next.previous = previous
    next.generation += 1
    next.updatedMicros = UnixTime.nowMicros()
    next.lastNumber = max(lastNumber, stable ?? 0)
    next.seal()
    return next
  }

  /// Becomes `other`, but for numbers that were given out meanwhile.
  mutating func takeRoles(of other: Rollout) {
    let highest = max(lastNumber, other.lastNumber)
    self = other
    lastNumber = highest
  }

  private mutating func seal() {
    var digest = SHA256()
    digest.update("\(index) \(generation) \(stable ?? 0) \(previous ?? 0) \(updatedMicros)")
    etag = String(digest.finishHex().prefix(16))
  }

  /// Reads `rollout.json`; nil when there is none.
  static func read(of index: String, in directory: DataDirectory) throws(VectorIndexError) -> Rollout? {
    let path = directory.rollout(of: index)
    if access(path, F_OK) != 0 && errno == ENOENT { return nil }
    let bytes = try ReadableFile(opening: path).readAll(atMost: maxBytes)
    let format = try SealedDocument.decode(FormatNumber.self, from: bytes, path: path).format
    guard format == currentFormat else {
      throw VectorIndexError(
        .unsupportedFormat,
        "\(path) has format \(format), this release reads \(currentFormat); use the release that wrote it")
    }
    let rollout = try SealedDocument.decode(Rollout.self, from: bytes, path: path)
    guard rollout.index == index else {
      throw VectorIndexError(.corrupt, "\(path) is of index '\(rollout.index)', but lies where '\(index)' belongs")
    }
    return rollout
  }

  /// Replaces `rollout.json` atomically and durably: whoever reads it sees the old text or the new one.
  func write(in directory: DataDirectory, on disk: Disk) throws(VectorIndexError) {
    let temporary = "\(directory.index(index))/\(Rollout.temporaryFileName)"
    do {
      try disk.removeTree(temporary, at: .writeRollout)
      try directory.write(SealedDocument.encode(self), to: temporary, on: disk)
      try disk.move(temporary, to: directory.rollout(of: index), at: .replaceRollout)
      try disk.syncDirectory(directory.index(index), at: .syncIndexDirectory)
    } catch {
      throw VectorIndexError(error.code, "the rollout of index '\(index)' is as it was: \(error.message)", cause: error)
    }
  }
}

extension DataDirectory {
  fileprivate func write(_ bytes: [UInt8], to path: String, on disk: Disk) throws(VectorIndexError) {
    var file = try WritableFile(creating: path, on: disk, at: .writeRollout)
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(VectorIndexError) in
      try file.append(bytes, at: .writeRollout)
    }
    _ = try file.finish(writing: .writeRollout, syncing: .syncRollout)
  }
}

/// The wall clock.
enum UnixTime {
  /// Microseconds since 1970.
  static func nowMicros() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
  }
}
