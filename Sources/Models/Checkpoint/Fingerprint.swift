// SPDX-License-Identifier: Apache-2.0

import Digest
import Kernels

/// Digests of a checkpoint's files, by the part each plays: a checkpoint that was moved keeps its fingerprint.
struct Fingerprint {
  /// One file and the name it goes by in the digest.
  private struct Entry {
    let name: String
    let path: String
  }

  private var entries: [Entry] = []

  /// Adds a file under `part/` and its own name.
  mutating func add(_ path: String, part: String) {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    entries.append(Entry(name: "\(part)/\(name)", path: path))
  }

  /// Adds the files that exist.
  mutating func add(existing paths: [String], part: String) {
    for path in paths where CheckpointLocation.exists(path) { add(path, part: part) }
  }

  /// Adds what an adapter is read from; nothing without one, so that other models keep their fingerprints.
  mutating func add(adapter paths: [String]?) {
    for path in paths ?? [] { add(path, part: "adapter") }
  }

  /// The digest of every file, by the name it goes by.
  func fileDigests(_ digests: FileDigests) throws(ModelError) -> [String: String] {
    var result: [String: String] = [:]
    for entry in entries { result[entry.name] = try digests.digest(of: entry.path) }
    return result
  }

  /// SHA-256, in hexadecimal, over `extra` and the names and digests of every file, in name order.
  func digest(_ digests: FileDigests, extra: String = "") throws(ModelError) -> String {
    var digest = SHA256()
    digest.update(extra)
    for entry in entries.sorted(by: { $0.name < $1.name }) {
      digest.update("\n\(entry.name) \(try digests.digest(of: entry.path))")
    }
    return digest.finishHex()
  }
}

extension Fingerprint {
  /// Files of the trained part.
  static func recModule(_ location: CheckpointLocation, _ weights: WeightFiles) -> Fingerprint {
    var fingerprint = Fingerprint()
    fingerprint.addRecModule(location, weights)
    return fingerprint
  }

  mutating func addRecModule(_ location: CheckpointLocation, _ weights: WeightFiles) {
    add(existing: [location.recModule + "/config.json"], part: "rec_module")
    for path in weights.paths { add(path, part: "rec_module") }
  }

  /// What user and item vectors must share: the trained part and the spaces in use.
  static func space(
    _ location: CheckpointLocation, _ weights: WeightFiles, _ spaces: [Space], _ digests: FileDigests
  ) throws(ModelError) -> String {
    try recModule(location, weights).digest(digests, extra: spaces.map(\.checkpointName).joined(separator: ","))
  }
}

extension CheckpointLocation {
  /// What names the training, without loading it.
  ///
  /// - Throws: `.notAllowed` when a file of its trained part is not `readable`.
  package func spaceFingerprint(_ spaces: [Space], readable: ReadableFiles = .all) throws(ModelError) -> String {
    try readable.requireTrainedPart(of: self)
    let weights = try WeightFiles(directory: recModule)
    try requireTrainedSize(of: weights)
    let digests = FileDigests(directory: nil, on: ComputeTeam(threads: 1))
    return try Fingerprint.space(self, weights, Space.blockOrder(spaces), digests)
  }

  /// The token embeddings of the largest vocabularies have half of it; to hash what a sparse file seems to hold would take for ever.
  private static let maxTrainedBytes = 16 << 30

  private func requireTrainedSize(of weights: WeightFiles) throws(ModelError) {
    for path in weights.paths + [recModule + "/config.json", tokenEmbeddings] where Self.exists(path) {
      _ = try CheckpointFile(path: path, maxBytes: Self.maxTrainedBytes)
    }
  }
}
