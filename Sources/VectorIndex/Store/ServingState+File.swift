// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc
import Rollouts

extension ServingState {
  static let currentFormat = 3
  /// From this format on a rollout says how long its stage has run; before, when it had begun to by the wall clock.
  static let firstFormatWithStageTime = 3
  static let fileName = "serving.json"
  static let temporaryFileName = fileName + Disk.temporarySuffix
  /// What the same document was called before.
  static let formerFileName = "rollout.json"
  static let maxBytes = 4 << 20

  /// Reads `serving.json`, and its format; nil when there is none.
  static func read(
    of index: String, in directory: DataDirectory
  ) throws(VectorIndexError) -> (serving: ServingState, format: Int)? {
    let path = directory.servingState(of: index)
    if access(path, F_OK) != 0 && errno == ENOENT { return nil }
    let bytes = try ReadableFile(opening: path).readAll(atMost: maxBytes)
    let format = try SealedDocument.decode(FormatNumber.self, from: bytes, path: path).format
    guard (1...currentFormat).contains(format) else {
      throw VectorIndexError(
        .unsupportedFormat,
        "\(path) has format \(format), this release reads up to \(currentFormat); use the release that wrote it")
    }
    let serving = try SealedDocument.decode(ServingState.self, from: bytes, path: path)
    guard serving.index == index, serving.rollout?.isSound ?? true else {
      throw VectorIndexError(
        .corrupt, "\(path) is of index '\(serving.index)' or holds a rollout that cannot be; '\(index)' belongs there")
    }
    return (serving, format)
  }

  /// Replaces `serving.json` atomically and durably: whoever reads it sees the old text or the new one.
  func write(in directory: DataDirectory, on disk: Disk) throws(VectorIndexError) {
    do {
      try disk.replace(
        "\(directory.index(index))/\(Self.fileName)", with: SealedDocument.encode(self),
        steps: (.writeServingState, .syncServingState, .replaceServingState, .syncIndexDirectory))
    } catch {
      throw VectorIndexError(error.code, "what serves index '\(index)' is as it was: \(error.message)", cause: error)
    }
  }
}

extension Disk {
  /// Replaces a small file atomically and durably.
  func replace(
    _ path: String, with bytes: [UInt8],
    steps: (write: StorageStep, sync: StorageStep, replace: StorageStep, syncDirectory: StorageStep)
  ) throws(VectorIndexError) {
    try explainingSystemCalls { () throws(SystemCallError) in
      try AtomicFile.replace(path, with: bytes, suffix: Self.temporarySuffix, mode: 0o600) { [faults] operation in
        switch operation {
        case .create, .write, .remove: faults.fault(at: steps.write)
        case .sync: faults.fault(at: steps.sync)
        case .rename: faults.fault(at: steps.replace)
        case .syncDirectory: faults.fault(at: steps.syncDirectory)
        }
      }
    }
  }

  /// What the name adds that a file has until it is whole.
  static let temporarySuffix = ".new"
}
