// SPDX-License-Identifier: Apache-2.0

import Digest
import Kernels

/// What names the parts of a checkpoint that a training leaves as they are, or begins from. Names of files have no part in them: what was
/// moved or renamed stays the same.
extension CheckpointLocation {
  /// Of the LLM: its shape, its weights, its tokenizer and, where it is asked for, the adapter that is merged into it.
  ///
  /// - Complexity: reads every byte; the threads hash chunks of 64 MiB of a file side by side.
  package func llmFingerprint(withAdapter: Bool = true, threads: Int? = nil) throws(ModelError) -> String {
    let source = try LLMFiles(of: self)
    let digests = FileDigests(directory: nil, on: ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs))
    var digest = SHA256()
    digest.update("illmrec LLM \(source.shape.computedSizes) \(source.shape.ropeScaling)")
    try digest.update("weights", source.weights.paths, digests)
    try digest.update("tokenizer", tokenizerFiles().filter(Self.exists), digests)
    if withAdapter, let adapter = try AdapterFiles(of: self) { try digest.update("adapter", adapter.paths, digests) }
    return String(digest.finishHex().prefix(16))
  }

  /// Of the vision tower and its preprocessing; nil where there is none.
  package func towerFingerprint(threads: Int? = nil) throws(ModelError) -> String? {
    guard Self.exists(visionTower + "/config.json") else { return nil }
    let digests = FileDigests(directory: nil, on: ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs))
    let settings = (["config.json"] + ImagePreprocessing.fileNames).map { "\(visionTower)/\($0)" }
    var digest = SHA256()
    try digest.update("settings", settings.filter(Self.exists), digests)
    try digest.update("weights", WeightFiles(directory: visionTower).paths, digests)
    return String(digest.finishHex().prefix(16))
  }

  /// Of what a training begins from beside the LLM: `rec_module/`, unless it is drawn anew, and token embeddings of its own; nil where
  /// there is neither.
  package func startFingerprint(isFresh: Bool, threads: Int? = nil) throws(ModelError) -> String? {
    let digests = FileDigests(directory: nil, on: ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs))
    let trained = try isFresh ? [] : WeightFiles(directory: recModule).paths + [recModuleConfiguration]
    let paths = (trained + [tokenEmbeddings]).filter(Self.exists)
    guard !paths.isEmpty else { return nil }
    var digest = SHA256()
    try digest.update("start", paths, digests)
    return String(digest.finishHex().prefix(16))
  }
}

extension SHA256 {
  /// Takes in the files' contents, whatever they are called.
  fileprivate mutating func update(
    _ part: String, _ paths: [String], _ digests: FileDigests
  ) throws(ModelError) {
    var contents: [String] = []
    for path in paths { contents.append(try digests.digest(of: path)) }
    update("\n\(part) \(contents.sorted().joined(separator: " "))")
  }
}
