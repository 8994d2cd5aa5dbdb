// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPServer

@Suite("Requests are read strictly") struct HTTPRequestParserTests {
  private func parse(_ text: String, maxHeadBytes: Int = 256) -> HTTPRequestParser.Result {
    HTTPRequestParser.parse(Array(text.utf8), maxHeadBytes: maxHeadBytes)
  }

  private func refusal(_ text: String) -> HTTPStatus? {
    if case .refused(let status, _) = parse(text) { status } else { nil }
  }

  @Test func `A request is read to its end and no further`() {
    let head = "GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"
    let request = HTTPRequest(method: .get, path: "/metrics", keepsAlive: true)
    #expect(parse(head + "GET /") == .request(request, byteCount: head.utf8.count))
  }

  @Test func `What is not there yet is waited for`() {
    let head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
    for end in 0..<head.utf8.count {
      #expect(HTTPRequestParser.parse(Array(head.utf8.prefix(end)), maxHeadBytes: 256) == .incomplete)
    }
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true), ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false),
    ("GET / HTTP/1.0\r\n\r\n", false), ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
  ]) func `A connection stays as its version and its headers say`(text: String, keepsAlive: Bool) {
    guard case .request(let request, _) = parse(text) else {
      Issue.record("refused")
      return
    }
    #expect(request.keepsAlive == keepsAlive)
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", HTTPStatus.badRequest), ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", .badRequest),
    ("GET / HTTP/1.1\nHost: a\n\n", .badRequest), ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", .badRequest), ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", .badRequest), ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest),
    ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest), ("\r\n\r\n\r\n\r\n", .badRequest),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .versionNotSupported), ("PRI * HTTP/2.0\r\n\r\nSM", .versionNotSupported),
    ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotAllowed), ("get / HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotAllowed),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", .contentTooLarge),
    ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", .contentTooLarge),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n", .contentTooLarge),
  ]) func `What two readers may read in two ways is refused`(text: String, status: HTTPStatus) {
    #expect(refusal(text) == status)
  }

  @Test func `A line, a head and headers beyond their bounds are refused before they end`() {
    #expect(refusal("GET /" + String(repeating: "a", count: 300)) == .uriTooLong)
    #expect(refusal("GET / HTTP/1.1\r\nHost: " + String(repeating: "a", count: 300)) == .headersTooLarge)
    let many = "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "a:\r\n", count: 100) + "\r\n"
    guard case .refused(let status, _) = parse(many, maxHeadBytes: 8192) else {
      Issue.record("taken")
      return
    }
    #expect(status == .headersTooLarge)
  }

  @Test func `A date is written as HTTP writes it`() {
    #expect(HTTPDate.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
  }
}
