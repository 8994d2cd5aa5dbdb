// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc
import Synchronization
import VectorIndex

/// Changes a store and kills itself at one of the change's disk operations: `CrashProbe DIRECTORY CHANGE OPERATION`. Ends with
/// 0 when the change had fewer operations than that.
@main
enum CrashProbe {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 4, let change = StoreChange(rawValue: arguments[2]), let operation = Int(arguments[3])
    else {
      print("usage: CrashProbe DIRECTORY CHANGE OPERATION")
      exit(64)
    }
    let killer = Killer()
    let store = try VersionStore(path: arguments[1], faults: killer)
    killer.operationsLeft.store(operation, ordering: .relaxed)
    try change.perform(on: store)
  }
}

/// Ends the process with SIGKILL before an operation, as `kill -9` from outside would.
private final class Killer: StorageFaults {
  /// Negative: none is near.
  let operationsLeft = Atomic(-1)

  func fault(at step: StorageStep) -> FileFault? {
    guard operationsLeft.load(ordering: .relaxed) >= 0 else { return nil }
    if operationsLeft.subtract(1, ordering: .relaxed).oldValue == 0 { kill(getpid(), SIGKILL) }
    return nil
  }
}
