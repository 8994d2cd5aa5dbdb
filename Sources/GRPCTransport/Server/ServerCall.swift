// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import GRPCCore
import Synchronization

/// One RPC on the server, between core and the task of its handler.
///
/// Core's callbacks run on the queue's threads, everything else where the handler runs. A started batch holds the call until its
/// completion has run.
final class ServerCall: OrderedSender {
  let handle: CallHandle
  let method: MethodDescriptor
  let metadata: Metadata
  /// The one request of a method whose client sends just one; it came with the call.
  let onlyRequest: MessageBytes?
  let hasOneRequest: Bool
  /// Whether the client had left before that request came.
  let brokeOff: Bool
  let state: Mutex<ServerCallState>
  let rules: ServerMessageRules
  /// What the guard granted for the message that was read last.
  private let granted = Atomic(0)

  /// Whether all parts of the response can wait for the status and go out in one batch.
  var isUnary: Bool { method.type == .unary }

  /// Takes over the call and the message of `incoming`.
  init(
    takingCallOf incoming: UnsafeMutablePointer<illmrec_incoming>, methods: [MethodDescriptor],
    rules: ServerMessageRules
  ) {
    self.handle = CallHandle(takingOwnershipOf: incoming.pointee.call)
    self.method = incoming.pointee.descriptor(among: methods)
    self.metadata = Metadata(copyOf: incoming.pointee.metadata)
    self.hasOneRequest = method.hasOneRequest
    self.brokeOff = incoming.pointee.broke_off
    self.onlyRequest =
      incoming.pointee.has_message
      ? MessageBytes(takingOwnershipOf: incoming.pointee.message, isCompressed: incoming.pointee.is_compressed) : nil
    self.state = Mutex(ServerCallState(receivesMessages: !hasOneRequest))
    self.rules = rules
  }

  /// Starts what runs for the whole call. Before the handler.
  func start() {
    let close = handle.makeBatch()
    close.receiveClose()
    close.start(for: self) { context, batch, _ in
      ServerCall.takeBack(context).closed(isCancelled: BatchResult(borrowing: batch).isCancelled)
    }
    if !hasOneRequest { update { $0.start() } }
  }

  /// Passes the call's cancellation on to the handler.
  func attach(_ cancellation: ServerContext.RPCCancellationHandle) {
    state.withLock { $0.attach(cancellation) }.perform()
  }

  /// Remembers the handler's task, to be cancelled if the server is forced to stop.
  func attach(_ task: Task<Void, Never>) { state.withLock { $0.attach(task) }.perform() }

  /// Tells the handler that the call is no longer wanted.
  func signalCancellation() { state.withLock { $0.signalCancellation() }.perform() }

  /// Cancels the handler's task, now or as soon as it is known.
  func abandon() { state.withLock { $0.abandon() }.perform() }

  /// Core has nothing more to say of the call. On a queue thread.
  private func closed(isCancelled: Bool) { update { $0.closed(isCancelled: isCancelled) } }

  /// The handler has returned: nobody reads or writes any more.
  func handlerEnded() {
    update { $0.handlerEnded() }
    rules.requestGuard?.release(granted.exchange(0, ordering: .relaxed))
  }

  /// Inflates a message that is about to be decoded, and has the guard judge it; what was granted for the one before is given back.
  ///
  /// - Throws: `RPCError` where it cannot be inflated; else as the guard.
  func admit(_ received: MessageBytes) throws -> MessageBytes {
    let message = try received.inflated(limit: rules.maxInflatedBytes)
    guard let requestGuard = rules.requestGuard else { return message }
    requestGuard.release(granted.exchange(0, ordering: .relaxed))
    granted.store(try requestGuard.admit(message, of: method), ordering: .relaxed)
    return message
  }

  /// Changes the state and does what follows from it.
  func update(_ change: (inout ServerCallState) -> ServerCallState.Action) {
    perform(state.withLock { change(&$0) })
  }

  func perform(_ action: ServerCallState.Action) {
    action.interruption.perform()
    if action.receives { receive() }
    if action.finishes { handle.finish() }
    action.wakeups.resume()
  }

  func withTurn<Result: Sendable>(_ change: (inout SendTurn) -> Result) -> Result {
    state.withLock { change(&$0.turn) }
  }

  static let cancelled = RPCError(
    code: .cancelled,
    message: "The call ended early: its client cancelled or left, its deadline passed, or the server stops.")
  static let withoutRequest = RPCError(
    code: .invalidArgument, message: "The client ended the call without its request; the method takes one message.")
  static let responseEnded = RPCError(
    code: .internalError, message: "The response's status has been sent; nothing more can be sent on the call.")
}

extension illmrec_incoming {
  fileprivate func descriptor(among methods: [MethodDescriptor]) -> MethodDescriptor {
    guard method < 0 else { return methods[Int(method)] }
    // "/package.Service/Method", as the client wrote it. No method has another name than an ASCII one.
    let bytes = UnsafeRawBufferPointer(start: path, count: path_count)
    let path = bytes.allSatisfy { $0 < 0x80 } ? String(decoding: bytes, as: UTF8.self) : ""
    let name = path.drop { $0 == "/" }
    guard let slash = name.lastIndex(of: "/") else {
      return MethodDescriptor(fullyQualifiedService: "", method: String(name))
    }
    return MethodDescriptor(
      fullyQualifiedService: String(name[..<slash]), method: String(name[name.index(after: slash)...]))
  }
}

extension MethodDescriptor {
  /// Whether the client of this method sends exactly one message.
  var hasOneRequest: Bool { type.map { !$0.isRequestStreaming } ?? false }
}
