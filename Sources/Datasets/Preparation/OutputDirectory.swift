// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// A directory that appears whole or not at all: it is filled beside its place and moved there at the end.
///
/// What an interrupted run left beside it, `<out>.partial`, is where the next one goes on.
struct OutputDirectory: ~Copyable {
  let path: String
  let partial: String
  private let lock: FileLock
  private let replaces: Bool
  private var isPublished = false

  var imageChecks: String { partial + "/.image-checks" }
  private static let lockName = ".lock"

  init(_ path: String, replaces: Bool) throws(DatasetError) {
    guard !path.isEmpty else { throw DatasetError(.invalidInput, "--out is empty; name a directory") }
    let place = Self.withoutTrailingSlashes(path)
    if TextFile.exists(place) { try Self.requireReplaceable(place, replaces) }
    lock = try Self.locked(place + ".partial", for: place)
    self.path = place
    partial = place + ".partial"
    self.replaces = replaces
  }

  /// Only what an earlier preparation left is replaced: a mistyped name must not cost anybody their files.
  private static func requireReplaceable(_ place: String, _ replaces: Bool) throws(DatasetError) {
    guard replaces else {
      throw DatasetError(.invalidInput, "\(place): already there; choose another --out, or give --replace")
    }
    let record = DatasetLayout(place).record
    guard TextFile.exists(record) else {
      throw DatasetError(
        .invalidInput,
        "\(place): no prepared data set (it has no \(record.dropFirst(place.count + 1))), so --replace does not remove it; choose "
          + "another --out, or remove it yourself")
    }
  }

  /// Refuses an output that would take the place of what the preparation reads.
  static func requireApart(_ path: String, from sources: [String]) throws(DatasetError) {
    let place = resolved(path)
    for source in sources {
      let read = resolved(source)
      guard read != place, !read.hasPrefix(place == "/" ? place : place + "/") else {
        throw DatasetError(
          .invalidInput, "\(path): \(source), which is read, lies there and would be removed; choose another --out")
      }
    }
  }

  private static func resolved(_ path: String) -> String {
    URL(filePath: path).standardizedFileURL.resolvingSymlinksInPath().path
  }

  private static func withoutTrailingSlashes(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  /// Makes the directory and takes its lock.
  private static func locked(_ partial: String, for path: String) throws(DatasetError) -> FileLock {
    if mkdir(partial, 0o755) != 0, errno != EEXIST { throw DatasetError.cannotWrite(partial, errno: errno) }
    let held = DatasetError(.unwritable, "\(path): another run prepares it; wait for its end, or stop it")
    return try FileLock(
      partial + "/" + lockName, held: held,
      // Without the directory: the other run has just moved it to its place.
      failed: { $0.errno == ENOENT ? held : DatasetError.cannotWrite($0.path, errno: $0.errno) })
  }

  deinit {
    // A run that ended before it kept anything leaves nothing behind. What is there after a publication is another run's.
    if !isPublished, !TextFile.exists(imageChecks) {
      unlink(partial + "/" + Self.lockName)
      rmdir(partial)
    }
  }

  /// Clears what an interrupted run had written but for its image checks.
  func clearFiles() throws(DatasetError) {
    do {
      for name in try FileManager.default.contentsOfDirectory(atPath: partial) where !name.hasPrefix(".") {
        try FileManager.default.removeItem(atPath: partial + "/" + name)
      }
    } catch {
      throw DatasetError(.unwritable, "\(partial): cannot be cleared; remove it", cause: error)
    }
  }

  /// Moves the directory to its place.
  consuming func publish() throws(DatasetError) {
    unlink(imageChecks)
    let old = "\(path).replaced"
    let hasOld = replaces && TextFile.exists(path)
    if hasOld, rename(path, old) != 0 { throw DatasetError.cannotWrite(path, errno: errno) }
    guard rename(partial, path) == 0 else {
      let number = errno
      if hasOld { rename(old, path) }
      throw DatasetError.cannotWrite(path, errno: number)
    }
    isPublished = true
    // Only now: while the lock's file lay beside the place, another run that took it would have been moved along.
    unlink(path + "/" + Self.lockName)
    if hasOld { try? FileManager.default.removeItem(atPath: old) }
  }
}
