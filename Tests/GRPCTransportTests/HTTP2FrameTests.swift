// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import Testing

@Suite("A client's frames are known before core sees them") struct HTTP2FrameTests {
  /// A connection that has sent HTTP/2's preface.
  struct Connection {
    var reader = illmrec_frame_reader()
    var limits = illmrec_frame_limits(header_block_bytes: 1000, idle_frames_per_second: 10)
    var now: Int64 = 1000

    var hidesNewStreams = false
    /// What core gets to see.
    var seen: [UInt8] = []

    init() { #expect(send(HTTP2.preface) == ILLMREC_FRAMES_FINE) }

    mutating func send(_ bytes: [UInt8]) -> illmrec_frames_verdict {
      var bytes = bytes
      defer { seen += bytes }
      return illmrec_frame_reader_take(&reader, &limits, hidesNewStreams, &bytes, bytes.count, now)
    }
  }

  @Test(arguments: [1, 7, 100_000])
  func `A header block is measured over all of its frames, however they are cut`(_ cut: Int) {
    var connection = Connection()
    let bytes =
      HTTP2.frame(.headers, stream: 1, payload: [UInt8](repeating: 0, count: 400))
      + HTTP2.frame(.continuation, stream: 1, payload: [UInt8](repeating: 0, count: 600))
      + HTTP2.frame(.data, stream: 1, payload: [UInt8](repeating: 1, count: 5000))
      + HTTP2.frame(.headers, stream: 3, payload: [UInt8](repeating: 0, count: 1000))
    var rest = bytes[...]
    while !rest.isEmpty {
      #expect(connection.send(Array(rest.prefix(cut))) == ILLMREC_FRAMES_FINE)
      rest = rest.dropFirst(cut)
    }
    let last = connection.send(HTTP2.frame(.continuation, stream: 3, payload: [0]))
    #expect(last == ILLMREC_FRAMES_HEADER_BLOCK_TOO_LARGE)
  }

  @Test func `Five seconds' worth of streams may be reset at once, and then no more`() {
    var connection = Connection()
    for call in 0..<50 {
      #expect(connection.send(HTTP2.reset(call)) == ILLMREC_FRAMES_FINE)
    }
    #expect(connection.send(HTTP2.reset(50)) == ILLMREC_FRAMES_TOO_MANY_IDLE)
  }

  @Test func `What was allowed once is allowed again with time`() {
    var connection = Connection()
    for call in 0..<500 {
      connection.now += 100
      #expect(connection.send(HTTP2.reset(call)) == ILLMREC_FRAMES_FINE)
    }
  }

  @Test func `Streams that have lived are reset as often as one likes`() {
    var connection = Connection()
    for call in 0..<500 {
      let stream = 2 * call + 1
      #expect(connection.send(HTTP2.frame(.headers, stream: stream, payload: [0])) == ILLMREC_FRAMES_FINE)
      connection.now += 45
      #expect(connection.send(HTTP2.frame(.reset, stream: stream, payload: [0, 0, 0, 8])) == ILLMREC_FRAMES_FINE)
    }
  }

  @Test(arguments: [HTTP2.Kind.ping, .settings, .priority, .data, .continuation])
  func `Frames that carry nothing are counted`(_ kind: HTTP2.Kind) {
    var connection = Connection()
    let payload = [UInt8](repeating: 0, count: [.ping: 8, .priority: 5][kind] ?? 0)
    let frame = HTTP2.frame(kind, stream: 1, payload: payload)
    for _ in 0..<50 { #expect(connection.send(frame) == ILLMREC_FRAMES_FINE) }
    #expect(connection.send(frame) == ILLMREC_FRAMES_TOO_MANY_IDLE)
  }

  @Test func `Ordinary calls, answers to pings and the ends of requests are not counted`() {
    var connection = Connection()
    for call in 0..<1000 {
      let stream = 2 * call + 1
      let bytes =
        HTTP2.frame(.headers, flags: 4, stream: stream, payload: [0, 1, 2])
        + HTTP2.frame(.data, stream: stream, payload: [0, 0, 0, 0, 0]) + HTTP2.frame(.data, flags: 1, stream: stream)
        + HTTP2.frame(.ping, flags: 1, stream: 0, payload: [UInt8](repeating: 0, count: 8))
        + HTTP2.frame(.settings, flags: 1, stream: 0) + HTTP2.frame(.window, stream: 0, payload: [0, 0, 1, 0])
      #expect(connection.send(bytes) == ILLMREC_FRAMES_FINE)
    }
  }

  @Test func `Another protocol is left to core`() {
    var reader = illmrec_frame_reader()
    var limits = illmrec_frame_limits(header_block_bytes: 1, idle_frames_per_second: 1)
    var bytes = [UInt8]("GET / HTTP/1.1\r\n\r\n".utf8) + [UInt8](repeating: 1, count: 1000)
    let sent = bytes
    #expect(illmrec_frame_reader_take(&reader, &limits, true, &bytes, bytes.count, 1) == ILLMREC_FRAMES_FINE)
    #expect(bytes == sent)
  }

  /// As RFC 9113 wants it: frames of a kind that is not known are skipped.
  @Test(arguments: [1, 2, 3, 4, 5, 7, 100_000])
  func `Streams that begin while a server shuts down are hidden, however they are cut`(_ cut: Int) {
    let payload = [UInt8](repeating: 1, count: 300)
    // A block that began before goes on.
    let before = HTTP2.frame(.headers, stream: 1, payload: payload)
    let after =
      HTTP2.frame(.continuation, flags: HTTP2.endHeaders, stream: 1, payload: payload)
      + HTTP2.frame(.headers, stream: 3, payload: payload)
      + HTTP2.frame(.continuation, flags: HTTP2.endHeaders, stream: 3, payload: payload)
      + HTTP2.frame(.data, stream: 1, payload: payload)
      + HTTP2.frame(.headers, flags: HTTP2.endHeaders, stream: 5, payload: payload)
    var connection = Connection()
    #expect(connection.send(before) == ILLMREC_FRAMES_FINE)
    connection.hidesNewStreams = true
    var rest = after[...]
    while !rest.isEmpty {
      #expect(connection.send(Array(rest.prefix(cut))) == ILLMREC_FRAMES_FINE)
      rest = rest.dropFirst(cut)
    }
    var expected = after
    let frame = 309
    for hidden in [1, 2, 4] { expected[hidden * frame + 3] = 0xfb }
    #expect(connection.seen == HTTP2.preface + before + expected)
  }

  @Test func `Without limits everything passes`() {
    var connection = Connection()
    connection.limits = illmrec_frame_limits()
    for call in 0..<1000 { #expect(connection.send(HTTP2.reset(call)) == ILLMREC_FRAMES_FINE) }
    let block = HTTP2.frame(.continuation, stream: 1, payload: [UInt8](repeating: 0, count: 1 << 20))
    #expect(connection.send(block) == ILLMREC_FRAMES_FINE)
  }
}
