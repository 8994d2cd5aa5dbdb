// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Metrics
import Synchronization

/// Counts the calls that no handler sees, so that a scanner, or a client with a wrong limit, shows.
final class EarlyRefusals: Sendable {
  /// Stands for every method that is not served: their names are the callers' own.
  static let unknownMethod = "unknown"

  private struct Key: Hashable {
    let method: String
    let code: RPCError.Code
  }

  private let counters = Mutex<[Key: Counter]>([:])

  /// - Parameter method: nil for one that is not served.
  func note(_ method: MethodDescriptor?, _ code: RPCError.Code) {
    let key = Key(method: method?.fullyQualifiedMethod ?? Self.unknownMethod, code: code)
    let counter = counters.withLock { known in
      known.value(for: key) {
        Counter(label: "illmrec_rpc_requests_total", dimensions: [("method", key.method), ("code", code.name)])
      }
    }
    counter.increment()
  }
}
