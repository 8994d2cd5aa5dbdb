// SPDX-License-Identifier: Apache-2.0

import Glibc

/// One client's connection. Belongs to the server's thread; never blocks.
final class HTTPConnection {
  typealias Instant = ContinuousClock.Instant

  private enum State {
    case reading
    case writing
    /// Refused: what the client still sends is thrown away until it has closed too.
    case lingering
    case ended
  }

  /// Owned.
  let descriptor: Int32
  /// The connection ends then, unless the client has done what it has to.
  private(set) var deadline: Instant
  private var state = State.reading
  private var input: [UInt8] = []
  private var output: [UInt8] = []
  private var sentCount = 0
  /// Whether what has come may be another request already, of a client that does not wait for answers.
  private var mayHoldRequest = false
  private var closesAfterAnswer = false
  private var hasAnswered = false
  private let limits: HTTPLimits

  init(takingOwnershipOf descriptor: Int32, limits: HTTPLimits, now: Instant) {
    self.descriptor = descriptor
    self.limits = limits
    deadline = now + limits.headTime
  }

  deinit { close(descriptor) }

  var hasEnded: Bool { state == .ended }
  var isWriting: Bool { state == .writing }
  /// Between two requests.
  var isIdle: Bool { state == .reading && input.isEmpty && hasAnswered }

  /// There is something to do without waiting.
  var isReady: Bool { state == .reading && mayHoldRequest }

  /// What `poll` is to wait for.
  var events: Int16 { Int16(state == .writing ? POLLOUT : POLLIN) }

  /// Something came, or can be sent, or it ``isReady``. Answers one request at most: then it is the others' turn.
  func proceed(now: Instant, handle: (HTTPRequest) -> HTTPResponse) {
    if state == .writing {
      send(now: now)
      return
    }
    // What has come is answered before more is read, so that it stays short.
    if !isReady { receive(now: now) }
    mayHoldRequest = false
    if state == .reading, answerNext(now: now, handle: handle) { send(now: now) }
  }

  /// Takes no further request.
  func drain(now: Instant) {
    closesAfterAnswer = true
    if state != .writing { state = .ended }
    deadline = min(deadline, now + limits.lingerTime)
  }

  private func receive(now: Instant) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4096) { buffer in
      let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
      guard count > 0 else {
        if count == 0 || !(errno == EAGAIN || errno == EINTR) { state = .ended }
        return
      }
      guard state == .reading else { return }
      if input.isEmpty && hasAnswered { deadline = now + limits.headTime }
      input += buffer[..<count]
    }
  }

  /// Whether there was a request to answer.
  private func answerNext(now: Instant, handle: (HTTPRequest) -> HTTPResponse) -> Bool {
    guard !input.isEmpty else { return false }
    let response: HTTPResponse
    var method = HTTPRequest.Method.get
    switch HTTPRequestParser.parse(input, maxHeadBytes: limits.headBytes) {
    case .incomplete: return false
    case .refused(let status, let reason):
      let headers = status == .methodNotAllowed ? [(name: "Allow", value: "GET, HEAD")] : []
      response = HTTPResponse(status, text: reason, headers: headers)
      closesAfterAnswer = true
    case .request(let request, let byteCount):
      input.removeFirst(byteCount)
      closesAfterAnswer = closesAfterAnswer || !request.keepsAlive
      method = request.method
      response = handle(request)
    }
    output = response.bytes(for: method, keepsAlive: !closesAfterAnswer, date: HTTPDate.now())
    (state, sentCount, deadline) = (.writing, 0, now + limits.writeTime)
    return true
  }

  private func send(now: Instant) {
    while sentCount < output.count {
      let count = output.withUnsafeBytes { bytes in
        Glibc.send(
          descriptor, bytes.baseAddress! + sentCount, bytes.count - sentCount,
          Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
      }
      guard count > 0 else {
        if !(errno == EAGAIN || errno == EINTR) { state = .ended }
        return
      }
      sentCount += count
    }
    (output, hasAnswered) = ([], true)
    guard closesAfterAnswer else {
      (state, deadline) = (.reading, now + (input.isEmpty ? limits.idleTime : limits.headTime))
      mayHoldRequest = !input.isEmpty
      return
    }
    input = []
    shutdown(descriptor, Int32(SHUT_WR))
    (state, deadline) = (.lingering, now + limits.lingerTime)
  }
}

/// The time as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
  private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  static func now() -> String { text(time(nil)) }

  static func text(_ time: time_t) -> String {
    var (time, parts) = (time, tm())
    gmtime_r(&time, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
  }
}
