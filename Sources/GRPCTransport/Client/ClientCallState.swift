// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// How far a call has come on the client: for core, for its caller, and between the two.
///
/// A pure state machine: the caller locks it and performs the actions it returns outside the lock. `Channel` and `Call` are core's;
/// the machine only keeps them for whom they are needed by.
struct ClientCallState<Channel: Sendable, Call: Sendable>: ~Copyable {
  /// What follows from a change.
  struct Action: Sendable {
    /// The call to ask for the next message.
    var receives: Call?
    /// The call that nobody waits for any more.
    var cancels: Call?
    /// The call on which no batch will be started any more.
    var finishes: Call?
    var wakeups = Wakeups()
  }

  /// The call as core sees it.
  private enum Core {
    /// There is none before the metadata is written, which says how much time it has. Becomes `open` or `closed`.
    case idle(Channel)
    /// It will report its end. Becomes `closed`.
    case open(Call)
    /// The caller has no more interest. A call that was open still reports its end.
    case closed(Call?)
  }

  private var core: Core
  private var request = ClientRequestState.open(.init())
  private var response: ClientResponseState
  private var reader: Wakeups.Reader?
  var turn = SendTurn()

  /// - Parameter receivesMessages: whether responses are asked for one by one, rather than coming with the status.
  init(channel: Channel, receivesMessages: Bool) {
    self.core = .idle(channel)
    self.response = ClientResponseState(receivesMessages: receivesMessages)
  }

  private var call: Call? {
    switch core {
    case .idle: nil
    case .open(let call): call
    case .closed(let call): call
    }
  }

  /// Whether nothing further can happen.
  private var isOver: Bool {
    guard case .closed = core else { return false }
    return response.hasEnded && !turn.isTaken && !response.isReceiving
  }

  /// Finds what follows from a change that may have let the reader, the next receive or the end come.
  private mutating func settle(_ wakeups: Wakeups = Wakeups()) -> Action {
    var action = Action(wakeups: wakeups)
    if response.isReady { action.wakeups.reader = reader.take() }
    if response.startReceiveIfHungry() { action.receives = call }
    if isOver { action.finishes = call }
    return action
  }
}

// MARK: Core

extension ClientCallState {
  /// The channel on which to make core's call, to be given to `opened`.
  func channel() throws(RPCError) -> Channel {
    switch core {
    case .idle(let channel): return channel
    case .open: throw ClientCall.misplacedMetadata
    case .closed: throw ClientCall.cancelled
    }
  }

  /// Core has the call, and batches that report its end follow at once.
  mutating func opened(_ call: Call) throws(RPCError) {
    _ = try channel()
    core = .open(call)
  }

  /// Ends the call unless it is over. Idempotent.
  mutating func close(_ status: Status) -> Action {
    switch core {
    case .idle:
      core = .closed(nil)
      // Nobody else will report the end.
      response.ended(status, [:])
      return settle()
    case .open(let call):
      core = .closed(call)
      var action = settle()
      if !response.hasEnded { action.cancels = call }
      return action
    case .closed:
      return settle()
    }
  }
}

// MARK: Request

extension ClientCallState {
  mutating func hold(_ metadata: Metadata) throws(RPCError) { try request.hold(metadata) }

  mutating func hold(_ message: MessageBytes) throws(RPCError) { try request.hold(message) }

  mutating func noteMessage() { request.noteMessage() }

  /// The caller has written the whole request; nil when it has said so before.
  mutating func endRequest() -> ClientRequestState.Held? { request.end() }

  /// The call to take a turn on.
  func callToSendOn() throws(RPCError) -> Call {
    guard let call else {
      if case .idle = core { throw ClientCall.misplacedMessage }
      throw ClientCall.cancelled
    }
    return call
  }

  /// The turn that the caller has is the last.
  mutating func takeLastTurn() -> Action {
    var wakeups = Wakeups()
    wakeups.refuse(&turn, ClientCall.requestEnded)
    return Action(wakeups: wakeups)
  }

  /// The batch that had the turn has completed. Where it failed, the status, which is on its way, says why.
  mutating func sent(succeeded: Bool) -> Action {
    var wakeups = Wakeups()
    turn.completed(succeeded: succeeded, otherwise: ClientCall.over, &wakeups)
    return settle(wakeups)
  }
}

// MARK: Response

extension ClientCallState {
  /// Metadata and status have been asked for, so messages may be.
  mutating func beginReceiving() -> Action {
    response.beginReceiving()
    return settle()
  }

  mutating func received(_ metadata: Metadata, beginning: ClientResponseState.Beginning) -> Action {
    response.received(metadata: metadata, beginning: beginning)
    return settle()
  }

  /// A receive completed; `nil` means that there are no more messages.
  mutating func received(_ message: MessageBytes?) -> Action {
    response.received(message: message)
    return settle()
  }

  mutating func ended(_ status: Status, _ trailing: Metadata) -> Action {
    response.ended(status, trailing)
    var wakeups = Wakeups()
    wakeups.refuse(&turn, ClientCall.over)
    return settle(wakeups)
  }

  /// The whole response of a unary call has come at once.
  mutating func completed(
    _ metadata: Metadata, beginning: ClientResponseState.Beginning, _ message: MessageBytes?, _ status: Status,
    _ trailing: Metadata
  ) -> Action {
    response.received(metadata: metadata, beginning: beginning)
    if let message { response.received(onlyMessage: message) }
    return ended(status, trailing)
  }

  mutating func nextPart() -> (ClientResponseState.Next, Action) {
    let next = response.next()
    return (next, settle())
  }

  /// Resumes the reader once `nextPart` has an answer.
  mutating func wait(_ reader: Wakeups.Reader) -> Action {
    self.reader = reader
    return settle()
  }
}
