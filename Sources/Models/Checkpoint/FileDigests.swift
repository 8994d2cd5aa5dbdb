// SPDX-License-Identifier: Apache-2.0

import Digest
import Foundation
import Glibc
import Kernels

/// Digests of files' contents, hashed by all threads, and remembered where a directory for that is given; used by one
/// thread.
///
/// A remembered digest is believed while the file's device, inode, size, and times of change of content and of status are
/// what they were: no ordinary way to change a file leaves them all. A file that changed within seconds of being hashed
/// is not remembered, since a second change might show the same times.
final class FileDigests {
  fileprivate struct Stamp: Codable, Hashable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    let modified: Int64  // nanoseconds since 1970
    let changed: Int64  // nanoseconds since 1970
  }

  private struct Remembered: Codable {
    let stamp: Stamp
    let digest: String
  }

  /// Digests of large files, by what names their contents; for another that reads the same files through other paths.
  struct Known: Sendable {
    fileprivate var digests: [Stamp: String] = [:]
  }

  private let team: ComputeTeam
  /// The file that remembers.
  private let memory: String?
  private var remembered: [String: Remembered]
  /// What this process has hashed or believed, links to one file being one.
  private(set) var known: Known
  private var isChanged = false

  /// Files below are hashed in no time.
  private static let bytesWorthRemembering: Int64 = 16 << 20
  private static let settledAfter: Int64 = 3_000_000_000
  private static let chunk = 64 << 20
  /// Of a file that is hashed: more than any shard of weights has.
  private static let maxBytes = 256 << 30

  /// - Parameters:
  ///   - directory: where digests are remembered, or nil.
  ///   - known: from an earlier reading in this process.
  init(directory: String?, knowing known: Known = Known(), on team: ComputeTeam) {
    self.team = team
    self.known = known
    memory = directory.map { $0 + "/digests.json" }
    // A file that cannot be read is one that remembers nothing.
    let data = memory.flatMap { try? Data(contentsOf: URL(filePath: $0)) }
    remembered = data.flatMap { try? JSONDecoder().decode([String: Remembered].self, from: $0) } ?? [:]
  }

  /// SHA-256, in hexadecimal, over the SHA-256s of the file's chunks of 64 MiB.
  func digest(of path: String) throws(ModelError) -> String {
    let file = try CheckpointFile(path: path, maxBytes: Self.maxBytes)
    let stamp = Self.stamp(of: path)
    if let remembered = remembered[path], let stamp, remembered.stamp == stamp {
      known.digests[stamp] = remembered.digest
      return remembered.digest
    }
    if let stamp, let digest = known.digests[stamp] { return digest }
    let digest = hash(file)
    if let stamp, stamp == Self.stamp(of: path), Self.isWorthRemembering(stamp) {
      remembered[path] = Remembered(stamp: stamp, digest: digest)
      known.digests[stamp] = digest
      isChanged = true
    }
    return digest
  }

  /// Writes what is remembered; a failure costs the next start some seconds.
  func save() {
    guard let memory, isChanged, let data = try? JSONEncoder().encode(remembered) else { return }
    let directory = URL(filePath: memory).deletingLastPathComponent().path
    try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    guard (try? data.write(to: URL(filePath: memory), options: .atomic)) != nil else { return }
    isChanged = false
  }

  private func hash(_ file: CheckpointFile) -> String {
    let chunks = max((file.count + Self.chunk - 1) / Self.chunk, 1)
    let digests = ComputeTeam.Results<String>(count: chunks)
    team.forEach(chunks) { index in
      let range = index * Self.chunk..<min((index + 1) * Self.chunk, file.count)
      digests[index] = file.withBytes { SHA256.hex(of: UnsafeRawBufferPointer(rebasing: $0[range])) }
      file.discard(range.lowerBound, range.count)
    }
    var whole = SHA256()
    for digest in digests.values { whole.update(digest) }
    return whole.finishHex()
  }

  private static func stamp(of path: String) -> Stamp? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Stamp(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
      modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim))
  }

  private static func isWorthRemembering(_ stamp: Stamp) -> Bool {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return stamp.size >= bytesWorthRemembering
      && nanoseconds(now) - max(stamp.modified, stamp.changed) > settledAfter
  }

  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
