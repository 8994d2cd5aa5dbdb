// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// How far a call has come on the server: for core, for its handler, and between the two.
///
/// A pure state machine: the caller locks it and performs the actions it returns outside the lock.
struct ServerCallState: ~Copyable {
  /// What follows from a change.
  struct Action: Sendable {
    var interruption = ServerHandlerState.Interruption()
    /// Whether to ask core for the next message.
    var receives = false
    /// Whether no batch will be started any more.
    var finishes = false
    var wakeups = Wakeups()
  }

  /// The call as core sees it.
  private enum Core {
    /// Becomes one of the others.
    case open
    /// The client has its status.
    case completed
    /// It ended before that.
    case cancelled
  }

  private var core = Core.open
  private var handler = ServerHandlerState()
  private var requests: Inbox
  private var reader: Wakeups.Reader?
  private var response = ServerResponseState.held([:], nil)
  var turn = SendTurn()

  /// - Parameter receivesMessages: whether requests are asked for one by one, rather than coming with the call.
  init(receivesMessages: Bool) {
    self.requests = Inbox(receivesMessages ? .open : .ended)
  }

  /// Whether nothing further can happen.
  private var isOver: Bool { core != .open && handler.phase == .ended && !turn.isTaken && !requests.isReceiving }

  /// Adds what follows from a change that may have let the reader, the next receive or the end come.
  private mutating func settle(_ action: inout Action) {
    if requests.isReady { action.wakeups.reader = reader.take() }
    action.receives = requests.startReceiveIfHungry()
    action.finishes = isOver
  }

  private mutating func settled() -> Action {
    var action = Action()
    settle(&action)
    return action
  }

  /// Neither reading nor writing makes sense any more.
  private mutating func endExchange(_ wakeups: inout Wakeups) {
    requests.fail(ServerCall.cancelled)
    wakeups.refuse(&turn, ServerCall.cancelled)
  }
}

// MARK: Core and handler

extension ServerCallState {
  /// The call begins.
  mutating func start() -> Action { settled() }

  /// Core has nothing more to say of the call.
  mutating func closed(isCancelled: Bool) -> Action {
    core = isCancelled ? .cancelled : .completed
    var action = Action()
    if isCancelled {
      action.interruption = handler.signal()
      endExchange(&action.wakeups)
    }
    settle(&action)
    return action
  }

  mutating func attach(_ cancellation: ServerContext.RPCCancellationHandle) -> ServerHandlerState.Interruption {
    handler.attach(cancellation)
  }

  mutating func attach(_ task: Task<Void, Never>) -> ServerHandlerState.Interruption { handler.attach(task) }

  mutating func signalCancellation() -> ServerHandlerState.Interruption { handler.signal() }

  mutating func abandon() -> ServerHandlerState.Interruption { handler.abandon() }

  /// The handler has returned: nobody reads or writes any more.
  mutating func handlerEnded() -> Action {
    handler.end()
    var action = Action()
    endExchange(&action.wakeups)
    settle(&action)
    return action
  }
}

// MARK: Requests

extension ServerCallState {
  /// A receive completed; `nil` means that the stream is over, as `ending` says.
  mutating func received(_ message: MessageBytes?, ending: Inbox.Phase) -> Action {
    requests.received(message, ending: ending)
    return settled()
  }

  mutating func nextRequest() -> (Inbox.Next, Action) {
    let next = requests.next()
    return (next, settled())
  }

  /// Resumes the reader once `nextRequest` has an answer.
  mutating func wait(_ reader: Wakeups.Reader) -> Action {
    self.reader = reader
    return settled()
  }

  /// The reading task was cancelled.
  mutating func stopReading() -> Action {
    requests.fail(ServerCall.cancelled)
    return settled()
  }
}

// MARK: Response

extension ServerCallState {
  /// Whether a status can still reach the client.
  var lacksStatus: Bool {
    if case .ended = response { false } else { core != .cancelled }
  }

  mutating func hold(_ metadata: Metadata) throws(RPCError) { try response.hold(metadata) }

  mutating func hold(_ message: MessageBytes) throws(RPCError) { try response.hold(message) }

  /// The metadata goes out by itself. In the caller's turn.
  mutating func beginResponse() throws(RPCError) { try response.begin() }

  /// The status goes out, with what is returned. In the caller's turn, which is the last.
  mutating func endResponse() -> (ServerResponseState.Remainder, Wakeups) {
    var wakeups = Wakeups()
    wakeups.refuse(&turn, ServerCall.responseEnded)
    return (response.end(), wakeups)
  }

  /// The batch that had the turn has completed.
  mutating func sent(succeeded: Bool) -> Action {
    var action = Action()
    turn.completed(succeeded: succeeded, otherwise: ServerCall.cancelled, &action.wakeups)
    settle(&action)
    return action
  }

  /// Whoever had the turn did not use it.
  mutating func passTurn() -> Action { sent(succeeded: true) }
}
