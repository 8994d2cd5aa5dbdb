// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Glibc
import RetrievalService
import Synchronization
import TestSupport
import VectorIndex

/// A disk that is full while a test says so.
final class SwitchableDisk: StorageFaults {
  let isFull = Atomic(false)

  func fault(at step: StorageStep) -> FileFault? {
    isFull.load(ordering: .relaxed) ? .failure(errno: ENOSPC) : nil
  }
}

extension RolloutSettings {
  /// Comparisons at any time: a test that searches without pause would wait long for them.
  static var unpaced: RolloutSettings {
    var settings = RolloutSettings()
    settings.shadowPermille = 1000
    // On a machine with much else to do a thread of the lowest priority may wait for minutes, in the middle of a search too.
    settings.yieldsToAll = false
    settings.shadowTimeout = .seconds(600)
    return settings
  }
}

extension TemporaryDirectory {
  /// Damages a file in its middle.
  func flipBit(of file: String) throws {
    let url = URL(fileURLWithPath: "\(path)/\(file)")
    var bytes = try Data(contentsOf: url)
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: url)
  }
}

extension Catalog {
  /// The same items with every vector turned round: the best items become the worst.
  var negated: Catalog { Catalog(ids: ids, vectors: vectors.map { $0.map { -$0 } }) }
}
