// SPDX-License-Identifier: Apache-2.0

/// The index that says which snapshot users are answered from.
struct FollowedIndex: Sendable, Equatable {
  /// Of the retrieval service, as gRPC names it.
  let target: String
  let index: String
  /// How long a snapshot is kept that no version names.
  let retention: Duration
}
