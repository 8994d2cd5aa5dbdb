// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import GRPCCore
import Synchronization

/// Turns the calls that core reports into handler tasks and keeps track of them.
final class ServerListener: Sendable {
  typealias Handler =
    @Sendable (RPCStream<CGrpcServerTransport.Inbound, CGrpcServerTransport.Outbound>, ServerContext) async -> Void

  struct State {
    /// Calls whose handler runs; a call keeps its place, and a place is used again.
    var running: [ServerCall?] = []
    var freePlaces: [Int] = []
    var isDrained = false
    var isForced = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  /// By the number that core reports with a call.
  private let methods: [MethodDescriptor]
  private let handler: Handler
  private let configuration: CGrpcServerTransport.Configuration
  private let rules: ServerMessageRules
  private let localPeer: String
  private let state = Mutex(State())
  private let peers = Mutex(PeerCache())

  init(
    methods: [MethodDescriptor], configuration: CGrpcServerTransport.Configuration, localPeer: String,
    handler: @escaping Handler
  ) {
    self.methods = methods
    self.handler = handler
    self.configuration = configuration
    self.rules = ServerMessageRules(configuration)
    self.localPeer = localPeer
  }

  /// A call arrived. On a queue thread.
  func accept(_ incoming: UnsafeMutablePointer<illmrec_incoming>) {
    let call = ServerCall(takingCallOf: incoming, methods: methods, rules: rules)
    let (place, running, isForced) = state.withLock { ($0.add(call), $0.runningCount, $0.isForced) }
    if isForced { call.abandon() }
    call.start()
    if let refusal = refusal(metadataBytes: illmrec_metadata_bytes(incoming.pointee.metadata), running: running) {
      configuration.onRefusal?(incoming.pointee.method < 0 ? nil : call.method, refusal.code)
      call.attach(Task { await self.refuse(call, refusal, place) })
      return
    }
    // The router answers these.
    if incoming.pointee.method < 0 { configuration.onRefusal?(nil, .unimplemented) }
    let details = CGrpcServerTransport.CallDetails(
      deadline: deadline(of: call, after: incoming.pointee.timeout_ns),
      peerCertificate: configuration.tls?.clientAuthorities == nil ? nil : call.handle.peerCertificate())
    let remotePeer = peers.withLock { $0.peer(of: call.handle) }
    let run: @Sendable () async -> Void = {
      await self.handle(call, details, remotePeer: remotePeer)
      self.ended(place)
    }
    call.attach(startsHere(call) ? Task.immediate(operation: run) : Task(operation: run))
  }

  private func startsHere(_ call: ServerCall) -> Bool {
    guard case .onQueueThread(let limit) = configuration.handlerStart, call.isUnary, let request = call.onlyRequest
    else {
      return false
    }
    return request.count <= limit && !request.isCompressed
  }

  nonisolated(nonsending) private func handle(
    _ call: ServerCall, _ details: CGrpcServerTransport.CallDetails, remotePeer: String
  ) async {
    await withServerContextRPCCancellationHandle { cancellation in
      call.attach(cancellation)
      var context = ServerContext(
        descriptor: call.method, remotePeer: remotePeer, localPeer: localPeer, cancellation: cancellation)
      context.transportSpecific = details
      let stream = RPCStream(
        descriptor: call.method,
        inbound: RPCAsyncSequence(wrapping: ServerCall.Requests(call: call)),
        outbound: RPCWriter.Closable(wrapping: ServerCall.Responses(call: call)))
      await handler(stream, context)
    }
    await call.finish(nil)
    call.handlerEnded()
  }

  /// Why a call is not for the handler.
  private func refusal(metadataBytes: Int, running: Int) -> RPCError? {
    if metadataBytes > configuration.maxMetadataBytes {
      return RPCError(
        code: .resourceExhausted,
        message: """
          The request's metadata has \(metadataBytes) bytes, each pair counted with 32 more; the server takes \
          \(configuration.maxMetadataBytes).
          """)
    }
    if let limit = configuration.maxConcurrentCalls, running > limit {
      return RPCError(
        code: .resourceExhausted, message: "The server has \(limit) calls in progress and takes no more at a time.")
    }
    return nil
  }

  private func refuse(_ call: ServerCall, _ error: RPCError, _ place: Int) async {
    await call.finish(error)
    call.handlerEnded()
    ended(place)
  }

  private func ended(_ place: Int) {
    state.withLock { state in
      state.remove(at: place)
      return state.takeWaiterIfOver()
    }?.resume()
  }

  /// Core has stopped listening and every call is over for it. On a queue thread.
  func drained() {
    state.withLock { state in
      state.isDrained = true
      return state.takeWaiterIfOver()
    }?.resume()
  }

  /// Returns when nothing listens, no call is open and no handler runs. Once.
  func waitUntilOver() async {
    await withCheckedContinuation { waiter in
      state.withLock { state in
        state.waiter = waiter
        return state.takeWaiterIfOver()
      }?.resume()
    }
  }

  /// Marks the calls that run as cancelled, but lets them go on.
  func signalCancellation() {
    for call in state.withLock({ $0.running }) { call?.signalCancellation() }
  }

  /// Cancels the tasks of the handlers that run, and those of calls still to come.
  func abandonCalls() {
    let calls = state.withLock { state in
      state.isForced = true
      return state.running
    }
    for call in calls { call?.abandon() }
  }

  private func deadline(of call: ServerCall, after nanoseconds: Int64) -> ContinuousClock.Instant? {
    guard nanoseconds == .max else { return .now + .nanoseconds(nanoseconds) }
    return call.isUnary ? configuration.defaultDeadline.map { .now + $0 } : nil
  }
}

extension ServerListener.State {
  fileprivate var runningCount: Int { running.count - freePlaces.count }

  fileprivate mutating func add(_ call: ServerCall) -> Int {
    if let place = freePlaces.popLast() {
      running[place] = call
      return place
    }
    running.append(call)
    return running.count - 1
  }

  fileprivate mutating func remove(at place: Int) {
    running[place] = nil
    freePlaces.append(place)
  }

  fileprivate mutating func takeWaiterIfOver() -> CheckedContinuation<Void, Never>? {
    guard isDrained, freePlaces.count == running.count else { return nil }
    return waiter.take()
  }
}

/// The last peer's address as text: most calls come from the peer of the one before.
struct PeerCache {
  private var last = ""

  mutating func peer(of call: borrowing CallHandle) -> String {
    call.withPeer { bytes in
      if !last.utf8.elementsEqual(bytes) { last = String(decoding: bytes, as: UTF8.self) }
    }
    return last
  }
}
