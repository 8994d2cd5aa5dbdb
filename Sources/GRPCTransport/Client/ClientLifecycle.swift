// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// Whether a client takes calls, and the calls it has. A pure state machine: the caller locks it and resumes what it returns.
struct ClientLifecycle {
  typealias Waiter = CheckedContinuation<Void, Never>

  private enum Phase {
    /// Calls are taken before `connect` too; may become `closing`.
    case open
    /// No new calls; `connect` returns after the last one.
    case closing
  }

  private var phase = Phase.open
  private var channel: ChannelHandle?
  private var isConnected = false
  private var calls: [ObjectIdentifier: ClientCall] = [:]
  private var waiter: Waiter?

  init(channel: ChannelHandle) {
    self.channel = channel
  }

  mutating func connect() throws(TransportError) {
    guard !isConnected else {
      throw TransportError(
        code: .invalidState, message: "this transport was connected before; make a new one to connect again")
    }
    isConnected = true
  }

  /// Keeps `connect` until the last call is over; returns its waiter if that is now.
  mutating func wait(_ waiter: Waiter) -> Waiter? {
    self.waiter = waiter
    return takeWaiterIfOver()
  }

  mutating func beginGracefulShutdown() -> Waiter? {
    phase = .closing
    if !isConnected, calls.isEmpty { channel = nil }
    return takeWaiterIfOver()
  }

  /// Takes no more calls; the caller ends those returned.
  mutating func stop() -> ([ClientCall], Waiter?) {
    phase = .closing
    return (Array(calls.values), takeWaiterIfOver())
  }

  mutating func add(
    method: MethodDescriptor, options: CallOptions, maxInflatedBytes: Int, deadline: CallDeadline?
  ) throws(RPCError) -> ClientCall {
    guard case .open = phase, let channel else {
      throw RPCError(code: .failedPrecondition, message: "The client transport is closed; make a new one.")
    }
    let call = ClientCall(
      channel: channel, method: method, options: options, maxInflatedBytes: maxInflatedBytes, deadline: deadline)
    calls[ObjectIdentifier(call)] = call
    return call
  }

  mutating func remove(_ call: ClientCall) -> Waiter? {
    calls[ObjectIdentifier(call)] = nil
    return takeWaiterIfOver()
  }

  /// Lets go of the channel when `connect` is done.
  mutating func release() {
    channel = nil
  }

  private mutating func takeWaiterIfOver() -> Waiter? {
    guard case .closing = phase, calls.isEmpty else { return nil }
    return waiter.take()
  }
}
