// SPDX-License-Identifier: Apache-2.0

import VectorIndex

/// Who searches a version: the one place that asks where its vectors are.
enum SearchLane: Hashable, Sendable {
  /// The search thread, which reads mapped vectors.
  case computed
  /// The backend that holds the vectors: who asks it waits, and no thread of this process computes.
  case remote(RemoteVersion)

  init(_ version: IndexVersion) {
    self = version.remote.map(Self.remote) ?? .computed
  }
}
