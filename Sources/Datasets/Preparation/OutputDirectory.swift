import Foundation

/// A directory that appears whole or not at all: it is filled beside its place and moved there at the end.
///
/// What an interrupted run left beside it, `<out>.partial`, is where the next one goes on.
struct OutputDirectory: ~Copyable {
  let path: String
  let partial: String
  private let lock: Int32
  private let replaces: Bool

  var imageChecks: String { partial + "/.image-checks" }
  private var lockFile: String { partial + "/.lock" }

  init(_ path: String, replaces: Bool) throws(DatasetError) {
    let place = Self.withoutTrailingSlashes(path)
    if TextFile.exists(place), !replaces {
      throw DatasetError(.invalidInput, "\(place): already there; choose another --out, or give --replace")
    }
    let lock = try Self.locked(place + ".partial", for: place)
    self.path = place
    partial = place + ".partial"
    self.lock = lock
    self.replaces = replaces
  }

  private static func withoutTrailingSlashes(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  /// Makes the directory, and holds its lock for as long as the descriptor is open.
  private static func locked(_ partial: String, for path: String) throws(DatasetError) -> Int32 {
    if mkdir(partial, 0o755) != 0, errno != EEXIST { throw DatasetError.cannotWrite(partial, errno: errno) }
    let lock = open(partial + "/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard lock >= 0 else { throw DatasetError.cannotWrite(partial + "/.lock", errno: errno) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      close(lock)
      throw DatasetError(.unwritable, "\(path): another run prepares it; wait for its end, or stop it")
    }
    return lock
  }

  deinit {
    // A run that ended before it kept anything leaves nothing behind.
    if !TextFile.exists(imageChecks) {
      unlink(lockFile)
      rmdir(partial)
    }
    close(lock)
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
    unlink(lockFile)
    let old = "\(path).replaced"
    let hasOld = replaces && TextFile.exists(path)
    if hasOld, rename(path, old) != 0 { throw DatasetError.cannotWrite(path, errno: errno) }
    guard rename(partial, path) == 0 else {
      let number = errno
      if hasOld { rename(old, path) }
      throw DatasetError.cannotWrite(path, errno: number)
    }
    if hasOld { try? FileManager.default.removeItem(atPath: old) }
  }
}
