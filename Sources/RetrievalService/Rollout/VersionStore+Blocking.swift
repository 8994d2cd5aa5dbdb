// SPDX-License-Identifier: Apache-2.0

import Basics
import ServiceSupport
import VectorIndex

extension VersionStore {
  /// Runs work of the store that blocks, on a thread of its own. Its errors come as they are.
  func blocking<Value: Sendable>(
    _ work: @escaping @Sendable (VersionStore) throws(VectorIndexError) -> Value
  ) async throws -> Value {
    try await DedicatedThread.run(name: "illmrec-storage") { [self] in try work(self) }
  }
}
