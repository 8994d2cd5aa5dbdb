// SPDX-License-Identifier: Apache-2.0

import Basics
import CrashProbe
import Foundation
import Rollouts
import Synchronization
import TestSupport
import Testing
import VectorIndex

/// A disk that is looked at from one step of a change.
private final class DiskWithView: StorageFaults {
  private let step: StorageStep
  private let view = Mutex<@Sendable () -> Void>({})

  init(at step: StorageStep) { self.step = step }

  func look(_ body: @escaping @Sendable () -> Void) { view.withLock { $0 = body } }

  func fault(at step: StorageStep) -> FileFault? {
    if step == self.step { view.withLock(\.self)() }
    return nil
  }
}

@Suite("A version is deleted or gets a role, never both")
struct DeletionTests {
  let directory: TemporaryDirectory
  let small = Catalog(count: 20, dim: 3, seed: 1)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  @Test
  func `It is gone in the moment in which it is written down that it is`() throws {
    let disk = DiskWithView(at: .writeAudit)
    let store = try VersionStore(path: directory.path, faults: disk)
    try store.publish(small)
    let second = try store.publish(small).info.name
    let seen = Mutex<[VectorIndexError.Code?]>([])
    disk.look { [weak store] in
      guard let store else { return }
      let code = (try? VersionStoreTests.code { try store.version(second) }) ?? nil
      seen.withLock { $0.append(code) }
    }
    try store.delete(second)
    let codes = seen.withLock(\.self)
    #expect(!codes.isEmpty && codes.allSatisfy { $0 == .versionNotFound })
  }

  @Test(arguments: [false, true])
  func `Asked for at one moment, exactly one of both is refused`(isRollout: Bool) throws {
    let store = try VersionStore(path: directory.path)
    let first = try store.publish(small).info.name
    for _ in 0..<100 {
      let name = try store.publish(small).info.name
      let done = Mutex<Set<String>>([])
      DispatchQueue.concurrentPerform(iterations: 2) { place in
        let isDone =
          place == 0 ? Self.isDone { try store.delete(name) } : Self.isDone { try use(name, isRollout, store) }
        if isDone { _ = done.withLock { $0.insert(place == 0 ? "deleted" : "used") } }
      }
      let outcome = done.withLock(\.self)
      #expect(outcome.count == 1)
      #expect((try? store.version(name)) != nil || outcome == ["deleted"])
      #expect(throws: Never.self) { try store.routing(of: "items") }
      if outcome == ["deleted"] { continue }
      if isRollout { _ = try store.rollBackRollout(of: "items") } else { _ = try store.promote(first) }
    }
  }

  private func use(_ name: VersionName, _ isRollout: Bool, _ store: VersionStore) throws {
    _ =
      isRollout
      ? try store.startRollout(of: name, plan: RolloutPlan(stages: [.init(canaryPermille: 500)]))
      : try store.promote(name)
  }

  private static func isDone(_ body: () throws -> Void) -> Bool { (try? body()) != nil }

  @Test
  func `What is kept of many versions leaves those alone that get a role meanwhile`() throws {
    let store = try VersionStore(path: directory.path)
    try store.publish(small)
    for _ in 0..<40 {
      let names = try (0..<4).map { _ in try store.publish(small).info.name }
      let isPromoted = Mutex(false)
      DispatchQueue.concurrentPerform(iterations: 3) { place in
        if place < 2 {
          #expect(throws: Never.self) { try store.retain(1, of: "items", ChangeRequest()) }
        } else if (try? store.promote(names[0])) != nil {
          isPromoted.withLock { $0 = true }
        }
      }
      #expect(throws: Never.self) { try store.routing(of: "items") }
      #expect(!isPromoted.withLock(\.self) || (try? store.resolve(index: "items").version.info.name) == names[0])
      #expect((try? store.version(names[2])) == nil)
    }
  }
}
