// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Logging
import Rollouts
import VectorIndex

/// The key of outcome tokens, in the data directory: made once, for nobody but the owner of the process to read.
enum OutcomeKeyFile {
  /// Reads the key, or makes it. Whoever calls holds the directory's lock.
  ///
  /// - Parameter isFirstStart: no answer was given from the directory yet. Where that is not so, the log tells of a key that is made.
  static func key(in directory: String, isFirstStart: Bool, logger: Logger) throws(VectorIndexError) -> OutcomeKey {
    let path = "\(directory)/\(DataDirectoryFiles.outcomeKey)"
    let known = try read(path)
    let bytes: [UInt8]
    if let known { bytes = known } else { bytes = try create(path) }
    if known == nil, !isFirstStart {
      logger.warning(
        "there was no key of outcome tokens, and a new one was made: outcomes of the answers that were given before count for nothing",
        metadata: ["path": "\(path)"])
    }
    guard let key = OutcomeKey(bytes) else {
      throw VectorIndexError(
        .corrupt,
        "\(path) holds \(bytes.count) bytes, a key has \(OutcomeKey.byteCount); restore it, or remove it: the next start makes a "
          + "new one, and outcomes of the answers that were given before count for nothing")
    }
    return key
  }

  private static func read(_ path: String) throws(VectorIndexError) -> [UInt8]? {
    do {
      return Array(try Data(contentsOf: URL(filePath: path)))
    } catch CocoaError.fileReadNoSuchFile {
      return nil
    } catch {
      throw VectorIndexError(
        .storageFailed, "\(path) cannot be read; give the user of this process the right to it", cause: error)
    }
  }

  private static func create(_ path: String) throws(VectorIndexError) -> [UInt8] {
    let bytes = OutcomeKey.randomBytes()
    do throws(SystemCallError) {
      try AtomicFile.replace(path, with: bytes, mode: 0o600)
    } catch {
      throw VectorIndexError(error)
    }
    return bytes
  }
}
