// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc
import Synchronization
import VectorIndex

/// A disk that tells when it is used, and fails when it shall.
final class ObservedDisk: StorageFaults {
  private let observer = Mutex<@Sendable () -> Void>({})
  private let failing = Mutex(false)

  var fails: Bool {
    get { failing.withLock(\.self) }
    set { failing.withLock { $0 = newValue } }
  }

  func observe(_ body: @escaping @Sendable () -> Void) { observer.withLock { $0 = body } }

  func fault(at step: StorageStep) -> FileFault? {
    observer.withLock(\.self)()
    return fails ? .failure(errno: ENOSPC) : nil
  }
}

/// A disk that has no room for anything new while a file is there, and some when it is gone.
final class FullDisk: StorageFaults {
  private let path = Mutex<String?>(nil)

  func fill(until path: String) { self.path.withLock { $0 = path } }

  func fault(at step: StorageStep) -> FileFault? {
    guard let path = path.withLock(\.self), access(path, F_OK) == 0 else { return nil }
    switch step {
    case .writeServingState, .writeAudit, .createItemFiles: return .shortWrite(errno: ENOSPC)
    default: return nil
    }
  }
}

/// A disk that breaks at a chosen operation, counted from the moment it is armed.
final class FaultyDisk: StorageFaults {
  enum Mode: Sendable, CaseIterable {
    /// One operation fails, those after it work: a disk that was full for a moment.
    case failsOnce
    /// One write puts down half of its bytes and fails.
    case writesShort
    /// Nothing works from that operation on, so that no cleanup happens either: what is on disk is what a process killed
    /// there leaves.
    case crashes
  }

  private struct State {
    var armed: (mode: Mode, at: Int)?
    var steps: [StorageStep] = []
  }

  private let state = Mutex(State())

  /// Breaks the operation number `index` from now on, counted from 0.
  func arm(_ mode: Mode, at index: Int) {
    state.withLock { $0 = State(armed: (mode, index)) }
  }

  /// Works again, and counts from 0.
  func disarm() { state.withLock { $0 = State() } }

  /// The steps of the operations since the last change.
  var steps: [StorageStep] { state.withLock { $0.steps } }

  /// Whether the process has ended, as it were.
  var hasCrashed: Bool {
    state.withLock { state in state.armed.map { $0.mode == .crashes && state.steps.count > $0.at } ?? false }
  }

  func fault(at step: StorageStep) -> FileFault? {
    state.withLock { state in
      defer { state.steps.append(step) }
      guard let (mode, at) = state.armed, state.steps.count >= at else { return nil }
      switch mode {
      case .failsOnce: return state.steps.count == at ? .failure(errno: ENOSPC) : nil
      case .writesShort: return state.steps.count == at ? .shortWrite(errno: ENOSPC) : nil
      case .crashes: return state.steps.count == at ? .shortWrite(errno: EIO) : .failure(errno: EIO)
      }
    }
  }
}
