// SPDX-License-Identifier: Apache-2.0

import Digest
import Models

/// Encodes the texts of items, one vector a text, and keeps what is done in a journal beside the output.
struct TextFeatures {
  let texts: [String]
  let encoder: SentenceEncoder
  let journalPath: String
  let interruption: InterruptionFlag

  struct Outcome {
    /// [texts, D], in their order.
    let vectors: Matrix
    /// Texts whose vectors an earlier run had computed.
    let known: Int
    /// Texts that were longer than the encoder reads.
    let cut: Int
    let duration: Duration
  }

  /// - Parameter finish: receives the outcome and stores it; the journal is removed when that went well.
  func run(finish: (Outcome) throws -> Void) throws {
    let journal = try VectorJournal(path: journalPath, identity: encoder.fingerprint, width: encoder.width)
    let keys = texts.map(Self.key)
    var missing: [(key: [UInt8], text: String)] = []
    var seen = Set(journal.vectors.keys)
    let known = keys.count { seen.contains($0) }
    for (key, text) in zip(keys, texts) where seen.insert(key).inserted { missing.append((key, text)) }

    let progress = ProgressBar("Encoding", total: missing.count, unit: "texts")
    var completed = 0
    try encoder.encode(missing.map(\.text)) { places, vectors in
      try interruption.check()
      try journal.append(places.enumerated().map { (missing[$1].key, Array(vectors[row: $0])) })
      completed += places.count
      progress.update(completed: completed)
    }
    let duration = progress.finish()
    let rows = keys.compactMap { journal.vectors[$0] }
    let vectors = try Matrix(vectors: rows, columns: encoder.width)
    let cut = encoder.lengths(of: texts).count { $0 > encoder.maxTokens }
    try finish(Outcome(vectors: vectors, known: known, cut: cut, duration: duration))
    journal.remove()
  }

  private static func key(_ text: String) -> [UInt8] {
    var digest = SHA256()
    digest.update(text)
    return digest.finish()
  }
}
