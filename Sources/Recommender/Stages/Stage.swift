// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// A step of a recommendation that another service does.
struct Stage: Sendable {
  /// What is being done, e.g. "encoding users".
  let name: String
  /// Where, as gRPC names it.
  let target: String
  /// The caller's field that a field of the RPC's request comes from; nil for one that the gateway has put there.
  var origin: @Sendable (FieldPath) -> String? = { _ in nil }
}
