// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import CrashProbe
import Synchronization
import VectorIndex

/// Somebody who publishes, promotes, deletes and stores as fast as the disk lets him, with short pauses.
final class Changes: Sendable {
  private let stop: Stop
  private let thread: DedicatedThread

  private final class Stop: Sendable {
    let isAsked = Atomic(false)
    let report: Mutex<(count: Int, failure: String?)> = Mutex((0, nil))
  }

  var count: Int { stop.report.withLock { $0.count } }
  var failure: String? { stop.report.withLock { $0.failure } }

  init(store: ItemStore, index: VersionStore) throws {
    let stop = Stop()
    self.stop = stop
    thread = try DedicatedThread(name: "changes") {
      while !stop.isAsked.load(ordering: .relaxed) {
        do {
          try Self.change(store, index)
          stop.report.withLock { $0.count += 1 }
        } catch {
          stop.report.withLock { $0.failure = "\(error)" }
          return
        }
      }
    }
  }

  func end() async {
    stop.isAsked.store(true, ordering: .relaxed)
    await thread.join()
  }

  /// One more version, which answers from now on; of those that answer no more the oldest goes.
  private static func change(_ store: ItemStore, _ index: VersionStore) throws {
    let next = try index.servingState(of: "items").stable.map { $0 + 1 } ?? 1
    let isOdd = next % 2 == 1
    let version = try index.publish(Catalog(count: isOdd ? 20 : 30, dim: 3, seed: isOdd ? 1 : 2))
    _ = try index.promote(version.info.name)
    let idle = try index.versions(of: "items").filter(\.roles.isEmpty)
    if let oldest = idle.last { try index.delete(oldest.info.name) }
    try store.put([BackupFixture.item("a", "\(next)")])
    _ = try store.commit()
  }
}
