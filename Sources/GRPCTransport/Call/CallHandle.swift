// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import GRPCCore

/// Owns one reference to a call of gRPC core.
///
/// Sendable: core takes cancellation from any thread, and the state machines of `ServerCall` and `ClientCall` keep batches of one
/// direction from overlapping.
struct CallHandle: ~Copyable, @unchecked Sendable {
  private let call: OpaquePointer

  init(takingOwnershipOf call: OpaquePointer) {
    self.call = call
  }

  deinit {
    illmrec_call_release(call)
  }

  /// Ends the call with `status` unless it has ended already.
  func cancel(_ status: Status) {
    illmrec_call_cancel(call, Int32(status.code.rawValue), status.message)
  }

  /// Reads the other side's address, such as "ipv4:127.0.0.1:50051".
  func withPeer(_ body: (UnsafeRawBufferPointer) -> Void) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
      let count = illmrec_call_peer(call, buffer.baseAddress, buffer.count)
      body(UnsafeRawBufferPointer(start: buffer.baseAddress, count: count))
    }
  }

  /// Calls `found` with `context` for each name in the peer's verified certificate.
  func withPeerNames(
    _ context: UnsafeMutableRawPointer,
    _ found: @convention(c) (UnsafeMutableRawPointer?, illmrec_peer_name, UnsafePointer<CChar>?, Int) -> Void
  ) {
    illmrec_call_peer_names(call, context, found)
  }

  /// Promises that no further batch will be started, so that the call does not keep its queue's threads.
  func finish() { illmrec_call_finish(call) }

  func makeBatch() -> Batch { Batch(takingOwnershipOf: illmrec_batch_create(call)) }
}

/// A call that several tasks hold on to.
final class SharedCall: Sendable {
  let handle: CallHandle

  init(_ handle: consuming CallHandle) {
    self.handle = handle
  }
}
