import GRPCCore

/// Lets one batch of a direction be under way at a time; writers wait for their turn in order.
///
/// A writer goes on as soon as its batch has started, so one message is on its way while the next one is made, and a slow peer
/// stops the writer. A pure state machine: the caller locks it and performs the actions outside the lock.
struct SendTurn {
  typealias Waiter = CheckedContinuation<Void, any Error>

  enum Claim {
    case granted
    case refused(RPCError)
    case wait
  }

  private(set) var isTaken = false
  private var waiters: [Waiter] = []
  private var refusal: RPCError?

  mutating func claim() -> Claim {
    if let refusal { return .refused(refusal) }
    if isTaken { return .wait }
    isTaken = true
    return .granted
  }

  /// Queues the writer unless its claim can be answered now.
  mutating func park(_ waiter: Waiter) -> Claim {
    let claim = claim()
    if case .wait = claim { waiters.append(waiter) }
    return claim
  }

  /// The batch under way is over; the turn passes to the writer returned, which the caller resumes.
  mutating func pass() -> Waiter? {
    if waiters.isEmpty {
      isTaken = false
      return nil
    }
    return waiters.removeFirst()
  }

  /// Nothing can be sent from now on but what is under way. The caller resumes the writers returned with the error.
  mutating func refuse(_ error: RPCError) -> [Waiter] {
    guard refusal == nil else { return [] }
    refusal = error
    let refused = waiters
    waiters = []
    return refused
  }
}
