// SPDX-License-Identifier: Apache-2.0

import Digest
import Foundation

/// What a frozen part is made of: its name, and the digest of each thing that is computed with.
///
/// Trainings may share a frozen part only when theirs is the same in all of it: an adaptor means nothing to another LLM.
struct FrozenPart: Sendable {
  /// For messages: "LLM", "vision tower".
  let name: String
  /// By what people know it by, such as a file's name.
  let contents: [String: String]

  /// SHA-256, in hexadecimal, over `extra` and the contents, in name order.
  func fingerprint(extra: String) -> String {
    var digest = SHA256()
    digest.update("illmrec frozen \(name) \(extra)")
    for (name, content) in contents.sorted(by: { $0.key < $1.key }) { digest.update("\n\(name) \(content)") }
    return digest.finishHex()
  }

  /// - Throws: `.frozenPartMismatch`, with what differs, unless the checkpoint in `directory` has this frozen part.
  func require(_ found: FrozenPart, in directory: String) throws(ModelError) {
    let names = Set(contents.keys).union(found.contents.keys)
    let different = names.filter { contents[$0] != found.contents[$0] }.sorted()
    guard !different.isEmpty else { return }
    throw ModelError(
      .frozenPartMismatch,
      "\(directory) was trained over another \(name) than the one that serves: \(different.joined(separator: ", ")) "
        + "\(different.count == 1 ? "differs" : "differ"); train over the \(name) that serves, or serve this checkpoint by "
        + "a process of its own")
  }
}

/// Which files may be read, and which may only be compared with those that serve.
package struct ReadableFiles: Sendable {
  private let mayRead: @Sendable (String) -> Bool

  /// Every file.
  package static let all = ReadableFiles { _ in true }

  /// - Parameter mayRead: asked for each file whose contents are not those of one that serves.
  package init(_ mayRead: @escaping @Sendable (String) -> Bool) { self.mayRead = mayRead }

  /// - Throws: `.notAllowed` unless all that `rec_module/` holds, and the checkpoint's own configuration, may be read.
  func requireTrainedPart(of checkpoint: CheckpointLocation) throws(ModelError) {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: checkpoint.recModule)) ?? []
    for name in files.sorted() { try require("\(checkpoint.recModule)/\(name)") }
    if CheckpointLocation.exists(checkpoint.configuration) { try require(checkpoint.configuration) }
  }

  func require(_ path: String) throws(ModelError) {
    guard mayRead(path) else {
      throw ModelError(
        .notAllowed,
        "\(path) leads out of the directory of trainings, and is not what serves; put the file itself into the checkpoint"
      )
    }
  }
}
