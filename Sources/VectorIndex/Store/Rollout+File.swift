import Glibc
import Rollouts

extension Rollout {
  static let currentFormat = 2
  static let fileName = "rollout.json"
  static let temporaryFileName = "rollout.json.new"
  static let maxBytes = 4 << 20

  /// Reads `rollout.json`; nil when there is none.
  static func read(of index: String, in directory: DataDirectory) throws(VectorIndexError) -> Rollout? {
    let path = directory.rollout(of: index)
    if access(path, F_OK) != 0 && errno == ENOENT { return nil }
    let bytes = try ReadableFile(opening: path).readAll(atMost: maxBytes)
    let format = try SealedDocument.decode(FormatNumber.self, from: bytes, path: path).format
    guard (1...currentFormat).contains(format) else {
      throw VectorIndexError(
        .unsupportedFormat,
        "\(path) has format \(format), this release reads up to \(currentFormat); use the release that wrote it")
    }
    let rollout = try SealedDocument.decode(Rollout.self, from: bytes, path: path)
    guard rollout.index == index, rollout.staged?.isSound ?? true else {
      throw VectorIndexError(
        .corrupt, "\(path) is of index '\(rollout.index)' or holds a rollout that cannot be; '\(index)' belongs there")
    }
    return rollout
  }

  /// Replaces `rollout.json` atomically and durably: whoever reads it sees the old text or the new one.
  func write(in directory: DataDirectory, on disk: Disk) throws(VectorIndexError) {
    do {
      try disk.replace(
        "\(directory.index(index))/\(Self.fileName)", with: SealedDocument.encode(self), in: directory.index(index),
        steps: (.writeRollout, .syncRollout, .replaceRollout, .syncIndexDirectory))
    } catch {
      throw VectorIndexError(error.code, "the rollout of index '\(index)' is as it was: \(error.message)", cause: error)
    }
  }
}

extension Disk {
  /// Replaces a small file: temporary file, fsync, rename, fsync of the directory.
  func replace(
    _ path: String, with bytes: [UInt8], in directory: String,
    steps: (write: StorageStep, sync: StorageStep, replace: StorageStep, syncDirectory: StorageStep)
  ) throws(VectorIndexError) {
    let temporary = "\(path).new"
    try removeTree(temporary, at: steps.write)
    var file = try WritableFile(creating: temporary, on: self, at: steps.write)
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(VectorIndexError) in
      try file.append(bytes, at: steps.write)
    }
    _ = try file.finish(writing: steps.write, syncing: steps.sync)
    try move(temporary, to: path, at: steps.replace)
    try syncDirectory(directory, at: steps.syncDirectory)
  }
}

/// The wall clock.
package enum UnixTime {
  /// Microseconds since 1970.
  package static func nowMicros() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
  }
}
