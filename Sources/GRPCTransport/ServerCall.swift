import CGrpcShim
import GRPCCore
import Synchronization

/// One RPC on the server, between core and the task of its handler.
///
/// Core's callbacks run on the queue's threads, everything else where the handler runs. A started batch holds the call until its
/// completion has run.
final class ServerCall: Sendable {
  struct State {
    var requests: Inbox
    var reader: Wakeups.Reader?
    var turn = SendTurn()
    /// Of a unary call, kept until the status goes out with it.
    var heldMetadata: Metadata?
    var heldMessage: MessageBytes?
    var hasSentMetadata = false
    /// The status is on its way.
    var isFinished = false

    var cancellation: ServerContext.RPCCancellationHandle?
    var isCancelled = false
    /// The handler's, as long as it may have to be cancelled.
    var task: Task<Void, Never>?
    var isAbandoned = false
    var hasHandlerEnded = false
    /// Core has nothing more to say of the call.
    var isClosed = false

    /// Whether no batch will be started any more.
    var isOver: Bool { isClosed && hasHandlerEnded && !turn.isTaken && !requests.isReceiving }
  }

  let handle: CallHandle
  let method: MethodDescriptor
  let metadata: Metadata
  /// The one request of a method whose client sends just one; it came with the call.
  let onlyRequest: MessageBytes?
  let hasOneRequest: Bool
  let state: Mutex<State>

  /// Whether all parts of the response can wait for the status and go out in one batch.
  var isUnary: Bool { method.type == .unary }

  /// Takes over the call and the message of `incoming`.
  init(takingCallOf incoming: UnsafeMutablePointer<illmrec_incoming>, methods: [MethodDescriptor]) {
    self.handle = CallHandle(takingOwnershipOf: incoming.pointee.call)
    self.method = incoming.pointee.descriptor(among: methods)
    self.metadata = Metadata(copyOf: incoming.pointee.metadata)
    self.hasOneRequest = method.hasOneRequest
    self.onlyRequest =
      incoming.pointee.has_message ? MessageBytes(MessageStorage(takingOwnershipOf: incoming.pointee.message)) : nil
    self.state = Mutex(State(requests: Inbox(hasOneRequest ? .ended : .open)))
  }

  /// Starts what runs for the whole call. Before the handler.
  func start() {
    let close = handle.makeBatch()
    close.receiveClose()
    close.start(for: self) { context, batch, _ in
      ServerCall.takeBack(context).closed(isCancelled: BatchResult(borrowing: batch).isCancelled)
    }
    if !hasOneRequest { update { _, _ in } }
  }

  /// Passes the call's cancellation on to the handler.
  func attach(_ cancellation: ServerContext.RPCCancellationHandle) {
    let isCancelled = state.withLock { state in
      state.cancellation = cancellation
      return state.isCancelled
    }
    if isCancelled { cancellation.cancel() }
  }

  /// Remembers the handler's task, to be cancelled if the server is forced to stop.
  func keep(_ task: Task<Void, Never>) {
    let isAbandoned = state.withLock { state in
      if !state.hasHandlerEnded { state.task = task }
      return state.isAbandoned
    }
    if isAbandoned { task.cancel() }
  }

  /// Tells the handler that the call is no longer wanted.
  func signalCancellation() {
    state.withLock { $0.cancellation }?.cancel()
  }

  /// Cancels the handler's task, now or as soon as it is known.
  func abandon() {
    let task = state.withLock { state in
      state.isAbandoned = true
      return state.task
    }
    task?.cancel()
  }

  /// Core has nothing more to say of the call. On a queue thread.
  private func closed(isCancelled: Bool) {
    if isCancelled {
      let cancellation = state.withLock { state in
        state.isCancelled = true
        return state.cancellation
      }
      cancellation?.cancel()
    }
    update { state, wakeups in
      state.isClosed = true
      if isCancelled { state.endExchange(&wakeups) }
    }
  }

  /// The handler has returned: nobody reads or writes any more.
  func handlerEnded() {
    update { state, wakeups in
      state.hasHandlerEnded = true
      state.task = nil
      state.endExchange(&wakeups)
    }
  }

  /// Changes the state and does what follows from it: receive, resume, and let go of the queue after the last batch.
  func update(_ change: (inout State, inout Wakeups) -> Void) {
    var wakeups = Wakeups()
    let (startReceive, isOver) = state.withLock { state in
      change(&state, &wakeups)
      if state.requests.isReady { wakeups.reader = state.reader.take() }
      return (state.requests.startReceiveIfHungry(), state.isOver)
    }
    if startReceive { receive() }
    if isOver { handle.finish() }
    wakeups.resume()
  }

  /// The reference that a batch held.
  static func takeBack(_ context: UnsafeMutableRawPointer?) -> ServerCall {
    guard let context else { preconditionFailure("a completion without its call") }
    return Unmanaged<ServerCall>.fromOpaque(context).takeRetainedValue()
  }

  static let cancelled = RPCError(
    code: .cancelled,
    message: "The call ended early: its client cancelled or left, its deadline passed, or the server stops.")
}

extension ServerCall.State {
  /// Neither reading nor writing makes sense any more.
  fileprivate mutating func endExchange(_ wakeups: inout Wakeups) {
    requests.fail(ServerCall.cancelled)
    wakeups.refuse(&turn, ServerCall.cancelled)
  }
}

extension illmrec_incoming {
  fileprivate func descriptor(among methods: [MethodDescriptor]) -> MethodDescriptor {
    guard method < 0 else { return methods[Int(method)] }
    // "/package.Service/Method", as the client wrote it.
    let path = String(decoding: UnsafeRawBufferPointer(start: path, count: path_count), as: UTF8.self)
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
