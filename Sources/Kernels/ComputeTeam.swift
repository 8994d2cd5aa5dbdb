// SPDX-License-Identifier: Apache-2.0

import CKernels

/// The threads that run a model's kernels.
///
/// A kernel is called on one thread, which works too; calls from several threads wait for each other. All of them
/// block: call them from a thread of your own, never from Swift's cooperative pool.
package final class ComputeTeam: Sendable {
  // Never changes, and the C side locks: any thread may use it.
  nonisolated(unsafe) package let handle: OpaquePointer
  package let threads: Int

  /// - Parameter threads: with the calling one; by default one for each CPU that this process may use.
  package init(threads: Int = ComputeTeam.availableCPUs) {
    precondition(threads > 0, "a team has at least its caller's thread")
    guard let handle = illmrec_team_create(threads) else { fatalError("no memory or threads for \(threads) workers") }
    self.handle = handle
    self.threads = threads
  }

  deinit { illmrec_team_destroy(handle) }

  /// CPUs of the process's affinity mask, which containers and `taskset` narrow.
  package static var availableCPUs: Int { illmrec_available_cpus() }

  /// The name of the matrix-product kernels in use, such as `SkylakeX`.
  package static var matrixProductCore: String { String(cString: illmrec_gemm_core()) }
}
