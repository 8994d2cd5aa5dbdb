// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Metrics
import Synchronization

/// What is counted of RPCs: rate, errors and duration by method and code, and why they were refused. A metric is made once for
/// its labels and found again by them: making one is dearer than many a call.
final class RPCMetrics: Sendable {
  private struct Ending: Hashable {
    let method: MethodDescriptor
    let code: RPCError.Code?
  }

  private struct Refusal: Hashable {
    let method: MethodDescriptor
    let reason: String
  }

  private struct Calls: Hashable {
    let identity: String
    let code: RPCError.Code?
  }

  private struct Ended {
    let time: Timer
    let count: Counter
  }

  private let inFlight = Mutex<[MethodDescriptor: Meter]>([:])
  private let ended = Mutex<[Ending: Ended]>([:])
  private let refused = Mutex<[Refusal: Counter]>([:])
  private let callers = Mutex<[Calls: Counter]>([:])

  func began(_ method: MethodDescriptor) { meter(method).increment() }

  /// - Parameter error: nil for an RPC that went well.
  func ended(_ method: MethodDescriptor, _ error: RPCError?, after duration: Duration) {
    meter(method).decrement()
    let code = error?.code
    let metrics = ended.withLock { known in
      known.value(for: Ending(method: method, code: code)) {
        let labels = [("method", method.fullyQualifiedMethod), ("code", code?.name ?? "OK")]
        return Ended(
          time: Timer(label: "illmrec_rpc_seconds", dimensions: labels),
          count: Counter(label: "illmrec_rpc_requests_total", dimensions: labels))
      }
    }
    metrics.time.record(duration: duration)
    metrics.count.increment()
    if let reason = error?.refusalReason { countRefusal(of: method, reason) }
  }

  /// - Parameter identity: one of those that the policy names, or what stands for all others.
  func ended(by identity: String, _ error: RPCError?) {
    let code = error?.code
    let counter = callers.withLock { known in
      known.value(for: Calls(identity: identity, code: code)) {
        Counter(
          label: "illmrec_identity_requests_total", dimensions: [("identity", identity), ("code", code?.name ?? "OK")])
      }
    }
    counter.increment()
  }

  private func countRefusal(of method: MethodDescriptor, _ reason: String) {
    let counter = refused.withLock { known in
      known.value(for: Refusal(method: method, reason: reason)) {
        Counter(
          label: "illmrec_rpc_refusals_total",
          dimensions: [("method", method.fullyQualifiedMethod), ("reason", reason)])
      }
    }
    counter.increment()
  }

  private func meter(_ method: MethodDescriptor) -> Meter {
    inFlight.withLock { known in
      known.value(for: method) {
        Meter(label: "illmrec_rpc_in_flight", dimensions: [("method", method.fullyQualifiedMethod)])
      }
    }
  }
}

extension Dictionary {
  mutating func value(for key: Key, make: () -> Value) -> Value {
    if let known = self[key] { return known }
    let made = make()
    self[key] = made
    return made
  }
}

extension RPCError {
  /// Nil where the server gave no reason. Reasons are few: one that another release gave is counted as OTHER.
  var refusalReason: String? {
    ((cause as? ServiceFailure)?.reason ?? reason).map(ElementRefusals.label(of:))
  }
}

/// Counts elements of a request that failed while others of it went well.
enum ElementRefusals {
  private static let counters = Mutex<[String: Counter]>([:])

  static func count(_ reason: String) {
    let label = label(of: reason)
    let counter = counters.withLock { known in
      known.value(for: label) { Counter(label: "illmrec_element_refusals_total", dimensions: [("reason", label)]) }
    }
    counter.increment()
  }

  static func label(of reason: String) -> String { FailureReason(rawValue: reason) == nil ? "OTHER" : reason }
}
