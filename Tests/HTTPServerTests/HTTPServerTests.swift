// SPDX-License-Identifier: Apache-2.0

import Basics
import Dispatch
import Glibc
import TestSupport
import Testing

@testable import HTTPServer

@Suite("A server for those who watch takes no harm from anybody", .timeLimit(.minutes(10))) struct HTTPServerTests {
  private func server(
    _ limits: HTTPLimits = HTTPLimits(),
    answering body: @escaping @Sendable (HTTPRequest) -> [UInt8] = { Array($0.path.utf8) }
  ) throws -> HTTPServer {
    try HTTPServer(host: "127.0.0.1", port: 0, limits: limits) {
      HTTPResponse(.ok, contentType: "text/plain", body($0))
    }
  }

  /// Runs blocking work off the pool.
  private func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await DedicatedThread.run(name: "client", work)
  }

  private static func get(_ path: String, from server: HTTPServer) throws -> String {
    let client = try RawClient(port: server.port)
    client.send("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return client.readToEnd() ?? "timed out"
  }

  @Test func `A request is answered, and its connection serves the next`() async throws {
    let server = try server()
    let text = try await blocking {
      let client = try RawClient(port: server.port)
      client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nHEAD /bcd HTTP/1.1\r\nHost: a\r\n\r\n")
      client.send("GET /e HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      return client.readToEnd()
    }
    let parts = try #require(text).split(separator: "HTTP/1.1 200 OK\r\n").map(String.init)
    #expect(parts.count == 3)
    #expect(
      parts[0].hasSuffix(
        "Content-Length: 2\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
          + "Connection: keep-alive\r\n\r\n/a"))
    #expect(parts[1].contains("Content-Length: 4\r\n") && parts[1].hasSuffix("\r\n\r\n"))
    #expect(parts[2].hasSuffix("Connection: close\r\n\r\n/e"))
    await server.stop()
  }

  @Test(arguments: [
    ("GET /" + String(repeating: "a", count: 20_000), "414"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 20_000), "431"),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n" + String(repeating: "a", count: 20_000), "413"),
  ]) func `What is too long is refused while it comes, and the refusal arrives`(text: String, code: String) async throws
  {
    let server = try server()
    let answer = try await blocking {
      let client = try RawClient(port: server.port)
      client.send(text)
      return client.readToEnd() ?? "timed out"
    }
    #expect(answer.hasPrefix("HTTP/1.1 \(code) "))
    #expect(try await blocking { try Self.get("/x", from: server) }.hasSuffix("/x"))
    await server.stop()
  }

  @Test func `A client that sends slowly, or nothing, is let go`() async throws {
    var limits = HTTPLimits()
    limits.headTime = .milliseconds(200)
    limits.idleTime = .milliseconds(200)
    let server = try server(limits)
    let ends = try await blocking {
      let (silent, slow, idle) = (
        try RawClient(port: server.port), try RawClient(port: server.port), try RawClient(port: server.port)
      )
      idle.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
      var isOpen = true
      for _ in 0..<600 where isOpen {
        isOpen = slow.send("G")
        usleep(50_000)
      }
      return (isOpen, silent.readToEnd(), idle.readToEnd())
    }
    #expect(!ends.0)
    #expect(ends.1 == "")
    #expect(ends.2?.hasSuffix("/a") == true)
    await server.stop()
  }

  @Test func `Who sends many requests at once waits for the others between any two answers`() async throws {
    let (paths, hasBegun, hasSent) = (Recorder<String>(), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let server = try server(answering: { request in
      paths.note(request.path)
      if request.path == "/many/0" {
        hasBegun.signal()
        hasSent.wait()
      }
      return Array(request.path.utf8)
    })
    let answers = try await blocking {
      let (many, one) = (try RawClient(port: server.port), try RawClient(port: server.port))
      many.send((0..<40).map { "GET /many/\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
      hasBegun.wait()
      one.send("GET /one HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      many.send("GET /many/last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      hasSent.signal()
      return (one.readToEnd(), many.readToEnd())
    }
    #expect(answers.0?.hasSuffix("/one") == true && answers.1?.hasSuffix("/many/last") == true)
    // Its connection may still have to be accepted.
    #expect(paths.values.prefix(4).contains("/one"), "\(paths.values.prefix(6))")
    #expect(paths.values.filter { $0 != "/one" } == (0..<40).map { "/many/\($0)" } + ["/many/last"])
    await server.stop()
  }

  @Test func `Many idle connections keep nobody out`() async throws {
    let server = try server()
    let answers = try await blocking {
      // Some have been answered, some have sent a part, some nothing.
      let idle = try (0..<500).map { number in
        let client = try RawClient(port: server.port)
        if number % 3 == 0 { client.send("GET /idle HTTP/1.1\r\nHost: a\r\n\r\n") }
        if number % 3 == 1 { client.send("GET /idle") }
        return client
      }
      return try withExtendedLifetime(idle) { try (0..<20).map { _ in try Self.get("/x", from: server) } }
    }
    #expect(answers.allSatisfy { $0.hasSuffix("/x") })
    #expect(try openDescriptors() < 700)
    await server.stop()
  }

  @Test func `A client that does not read its answer is let go, and others are answered meanwhile`() async throws {
    var limits = HTTPLimits()
    limits.writeTime = .milliseconds(500)
    let large = [UInt8](repeating: 0x61, count: 32 << 20)
    let server = try server(limits) { $0.path == "/large" ? large : [0x62] }
    let (other, received) = try await blocking {
      let client = try RawClient(port: server.port)
      client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
      let other = try Self.get("/", from: server)
      usleep(2_000_000)
      return (other, client.readToEnd()?.utf8.count ?? 0)
    }
    #expect(other.hasSuffix("b"))
    #expect(received < large.count)
    await server.stop()
  }

  @Test func `An answer under way ends before the server does, and nothing new is taken`() async throws {
    let server = try server()
    let client = try await blocking { () -> String in
      let client = try RawClient(port: server.port)
      client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
      return client.read(untilEmptyLines: 1)
    }
    #expect(client.contains("200 OK"))
    let port = server.port
    await server.stop()
    await server.stop()
    await #expect(throws: RawClient.Failure.self) { _ = try await blocking { _ = try RawClient(port: port) } }
  }

  @Test func `A port that is taken is named with the reason`() async throws {
    let server = try server()
    let error = #expect(throws: HTTPServerError.self) {
      _ = try HTTPServer(host: "127.0.0.1", port: server.port) { _ in HTTPResponse(.ok, text: "") }
    }
    #expect(error?.description == "cannot listen on 127.0.0.1:\(server.port): Address already in use")
    await server.stop()
  }

  private func openDescriptors() throws -> Int {
    let directory = try #require(opendir("/proc/self/fd"))
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count
  }
}
